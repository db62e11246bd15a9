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

// An event is tried for so long and so many times: it may have been out of reach of all servers for most of that time.
const (
	giveUpAfter   = 72 * time.Hour
	leastAttempts = 5
)

// deliver sends h, which this server holds and whose record is confirmed, to its receiver. It deletes h if the receiver accepts the event
// and postpones it otherwise.
func (o *Outbox) deliver(ctx context.Context, h held) {
	if len(h.To) != 1 {
		o.logged(h, o.split(ctx, h))
		return
	}
	body, err := json.Marshal(h.Event)
	if err != nil {
		o.Log.Error("an event cannot be sent", "event", h.Event.ID, "error", err.Error())
		return
	}
	err = o.sendTo(ctx, h.To[0], h, body)
	switch {
	case ctx.Err() != nil: // this server stops, or has no more time; the lease lapses
	case err == nil:
		o.told(h.To[0], "ok")
		o.logged(h, o.Bucket.Delete(ctx, h.key))
	case o.Now().After(h.Lease): // another server may have taken the entry, and postpones it once
	default:
		h.Failure = h.To[0] + ": " + err.Error()
		o.logged(h, o.postpone(ctx, h, retryAfter(err)))
	}
}

func retryAfter(err error) time.Duration {
	if f := (*webhook.Failure)(nil); errors.As(err, &f) {
		return f.RetryAfter
	}
	return 0
}

// split replaces h, which a version without lanes wrote, by an entry for each receiver.
func (o *Outbox) split(ctx context.Context, h held) error {
	for _, to := range h.To {
		one := h.entry
		one.To, one.Lease = []string{to}, time.Time{}
		if err := o.create(ctx, entryKey(o.Now(), one.Event.ID, one.lane()), one); err != nil {
			return err
		}
	}
	return o.Bucket.Delete(ctx, h.key)
}

// sendTo makes one attempt.
func (o *Outbox) sendTo(ctx context.Context, to string, h held, body []byte) error {
	ctx, cancel := context.WithTimeoutCause(ctx, sendLimit, fmt.Errorf("not delivered within %s", sendLimit))
	defer cancel()
	switch {
	case to == toWebhook && o.Webhook != "":
		return o.Send(ctx, o.Webhook, h.Event.ID, o.Now(), body)
	case to == toImport && o.Allows != nil && !o.Allows(h.Webhook):
		return errors.New("its host is not allowed any more")
	case to == toImport && h.Webhook != "" && o.Send != nil:
		return o.Send(ctx, h.Webhook, h.Event.ID, o.Now(), body)
	case to == toBus && o.PutEvent != nil:
		return o.PutEvent(ctx, h.Event)
	}
	return errors.New("the service's settings name no such receiver any more")
}

// postpone leaves h for later, no sooner than pause, or for dead when it has been tried for long enough.
func (o *Outbox) postpone(ctx context.Context, h held, pause time.Duration) error {
	now := o.Now().UTC()
	delays := o.paced().delays
	delay := delays[min(h.Attempts, len(delays)-1)]
	delay = max(delay+rand.N(delay/5), pause) // so that what failed together is not tried together
	h.Attempts++
	h.Lease = time.Time{}
	log := o.Log.With("event", h.Event.ID, "type", h.Event.Type,
		"import", imports.LoggedIDs(h.Event.Data.Owner, h.Event.Subject), "attempts", h.Attempts, "failure", h.Failure)
	if now.Sub(h.Written) >= giveUpAfter && h.Attempts >= leastAttempts {
		o.told(h.To[0], "dead")
		log.Error("event not delivered, and given up; signpost events redeliver sends it again")
		return o.move(ctx, h, deadKey, now)
	}
	o.told(h.To[0], "failed")
	log.Warn("event not delivered yet", "again_in", delay.Round(time.Second).String())
	return o.move(ctx, h, entryKey, now.Add(delay))
}

func (o *Outbox) told(to, outcome string) {
	if o.OnAttempt != nil {
		o.OnAttempt(to, outcome)
	}
}

// logged tells of what could not be written down. The entry is still where it was, and is taken again when its lease has lapsed.
func (o *Outbox) logged(h held, err error) {
	if err != nil {
		o.Log.Error("the outbox cannot be written", "event", h.Event.ID, "error", err.Error())
	}
}
