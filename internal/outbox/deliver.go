package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/signpost-s3/signpost/internal/webhook"
)

// An event is tried for so long and so many times: it may have been out of reach of all servers for most of that time.
const (
	giveUpAfter   = 72 * time.Hour
	leastAttempts = 5
)

// deliver sends h, which this server has to itself and which is true, to those who have not taken it, and keeps it for later where
// some do not.
func (o *Outbox) deliver(ctx context.Context, h held) {
	body, err := json.Marshal(h.Event)
	if err != nil {
		o.Log.Error("an event cannot be sent", "event", h.Event.ID, "error", err.Error())
		return
	}
	errs := make([]error, len(h.To))
	var sending sync.WaitGroup // at once: all of them together have no longer than the lease
	for i, to := range h.To {
		sending.Go(func() { errs[i] = o.sendTo(ctx, to, h, body) })
	}
	sending.Wait()
	if ctx.Err() != nil {
		return // this server stops, or has no more time; the lease lapses
	}
	var refused []string
	var failures []string
	var pause time.Duration
	tried := false
	for i, to := range h.To {
		err := errs[i]
		if err == nil {
			o.told(to, "ok")
			continue
		}
		refused, failures = append(refused, to), append(failures, to+": "+err.Error())
		tried = tried || !errors.Is(err, webhook.ErrNoTurn)
		if f := (*webhook.Failure)(nil); errors.As(err, &f) {
			pause = max(pause, f.RetryAfter)
		}
	}
	if len(refused) == 0 {
		o.logged(h, o.Bucket.Delete(ctx, h.key))
		return
	}
	if o.Now().After(h.Lease) {
		return // another server may be at it, and keep it for later, once
	}
	h.To, h.Failure = refused, strings.Join(failures, "; ")
	if !tried { // nobody was asked
		h.Lease = time.Time{}
		o.logged(h, o.move(ctx, h, entryKey, o.Now().Add(o.paced().delays[0])))
		return
	}
	o.logged(h, o.postpone(ctx, h, pause))
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
	case to == toBus && o.Publish != nil:
		return o.Publish(ctx, h.Event)
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
	log := o.Log.With("event", h.Event.ID, "type", h.Event.Type, "import", h.Event.Subject, "attempts", h.Attempts, "failure", h.Failure)
	if now.Sub(h.Written) >= giveUpAfter && h.Attempts >= leastAttempts {
		o.toldAll(h.To, "dead")
		log.Error("event not delivered, and given up; signpost events redeliver sends it again")
		return o.move(ctx, h, deadKey, now)
	}
	o.toldAll(h.To, "failed")
	log.Warn("event not delivered yet", "again_in", delay.Round(time.Second).String())
	return o.move(ctx, h, entryKey, now.Add(delay))
}

func (o *Outbox) toldAll(to []string, outcome string) {
	for _, t := range to {
		o.told(t, outcome)
	}
}

func (o *Outbox) told(to, outcome string) {
	if o.Told != nil {
		o.Told(to, outcome)
	}
}

// logged tells of what could not be written down. The entry is still where it was, and is taken again when its lease has lapsed.
func (o *Outbox) logged(h held, err error) {
	if err != nil {
		o.Log.Error("the outbox cannot be written", "event", h.Event.ID, "error", err.Error())
	}
}
