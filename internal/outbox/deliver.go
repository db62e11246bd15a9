package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/webhook"
)

// An event becomes dead after giveUpAfter and minAttempts: all servers may have been down for most of the time.
const (
	giveUpAfter = 72 * time.Hour
	minAttempts = 5
)

// delays are the times between attempts. The last one repeats.
var delays = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour,
}

// deliver sends h, which is confirmed and whose lease this server has, to its receiver. It deletes h if the receiver
// accepts the event, and otherwise postpones it.
func (o *Outbox) deliver(ctx context.Context, h storedEntry) {
	if len(h.To) != 1 {
		o.logWriteError(h, o.split(ctx, h))
		return
	}
	switch err := o.send(ctx, h); {
	case ctx.Err() != nil: // this server stops or its time is up: the lease expires
	case err == nil:
		o.reportAttempt(h.To[0], "ok")
		o.logWriteError(h, o.Bucket.Delete(ctx, h.key))
	case o.Now().After(h.Lease): // another server may have claimed the entry, and postpones it
	default:
		h.Failure = h.To[0] + ": " + err.Error()
		o.logWriteError(h, o.postpone(ctx, h, retryAfter(err)))
	}
}

func retryAfter(err error) time.Duration {
	if f := (*webhook.Failure)(nil); errors.As(err, &f) {
		return f.RetryAfter
	}
	return 0
}

// split replaces h, written by a version without lanes, by an entry for each receiver.
func (o *Outbox) split(ctx context.Context, h storedEntry) error {
	for _, to := range h.To {
		one := h.entry
		one.To, one.Lease = []string{to}, time.Time{}
		if err := createEntry(ctx, o.Bucket, entryKey(pendingPrefix, o.Now(), one), one); err != nil {
			return err
		}
	}
	return o.Bucket.Delete(ctx, h.key)
}

// send makes one delivery attempt.
func (o *Outbox) send(ctx context.Context, h storedEntry) error {
	ctx, cancel := context.WithTimeoutCause(ctx, attemptTimeout, fmt.Errorf("not delivered within %s", attemptTimeout))
	defer cancel()
	url := ""
	switch to := h.To[0]; {
	case to == toBus && o.PutEvent != nil:
		return o.PutEvent(ctx, h.Event)
	case to == toWebhook:
		url = o.Webhook
	case to == toImport && o.Allows != nil && !o.Allows(h.Webhook):
		return errors.New("the settings of the service no longer allow its host")
	case to == toImport:
		url = h.Webhook
	}
	if url == "" || o.Send == nil {
		return errors.New("the settings of the service no longer contain this receiver")
	}
	body, err := json.Marshal(h.Event)
	if err != nil {
		return err
	}
	return o.Send(ctx, url, h.Event.ID, o.Now(), body)
}

// postpone schedules the next attempt after at least minDelay, or makes h dead.
func (o *Outbox) postpone(ctx context.Context, h storedEntry, minDelay time.Duration) error {
	now := o.Now().UTC()
	delay := delays[min(h.Attempts, len(delays)-1)]
	delay = max(delay+rand.N(delay/5), minDelay) // the random part spreads events that failed together
	h.Attempts++
	log := o.Log.With("event", h.Event.ID, "event_type", h.Event.Type,
		"import", imports.LoggedIDs(h.Event.Data.Owner, h.Event.Subject), "attempt", h.Attempts, "error", h.Failure)
	if now.Sub(h.Written) >= giveUpAfter && h.Attempts >= minAttempts {
		o.reportAttempt(h.To[0], "dead")
		log.Error("event is dead; deliver it with signpost events redeliver")
		return moveEntry(ctx, o.Bucket, h, deadPrefix, now)
	}
	o.reportAttempt(h.To[0], "failed")
	log.Warn("event delivery failed", "next", delay.Round(time.Second).String())
	return moveEntry(ctx, o.Bucket, h, pendingPrefix, now.Add(delay))
}

func (o *Outbox) reportAttempt(to, outcome string) {
	if o.OnAttempt != nil {
		o.OnAttempt(to, outcome)
	}
}

// logWriteError logs an error of the store. The entry is unchanged and is processed again when its lease has expired.
func (o *Outbox) logWriteError(h storedEntry, err error) {
	if err != nil {
		o.Log.Error("outbox write failed", "event", h.Event.ID, "error", err)
	}
}
