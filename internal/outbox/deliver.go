package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/signpost-s3/signpost/internal/webhook"
)

// giveUpAfter is how long an event is tried to be delivered.
const giveUpAfter = 72 * time.Hour

// deliver sends h, which this server has to itself and which is true, to those who have not taken it, and keeps it for later where
// some do not.
func (o *Outbox) deliver(ctx context.Context, h held) {
	body, err := json.Marshal(h.Event)
	if err != nil {
		o.Log.Error("an event cannot be sent", "event", h.Event.ID, "error", err.Error())
		return
	}
	var refused []string
	var failures []string
	var pause time.Duration
	for _, to := range h.To {
		err := o.sendTo(ctx, to, h, body)
		if ctx.Err() != nil {
			return // this server stops, or has no more time; the lease lapses
		}
		if err == nil {
			o.told(to, "ok")
			continue
		}
		refused, failures = append(refused, to), append(failures, to+": "+err.Error())
		if f := (*webhook.Failure)(nil); errors.As(err, &f) {
			pause = max(pause, f.RetryAfter)
		}
	}
	if len(refused) == 0 {
		o.logged(h, o.Bucket.Delete(ctx, h.key))
		return
	}
	h.To, h.Failure = refused, strings.Join(failures, "; ")
	o.logged(h, o.postpone(ctx, h, pause))
}

// sendTo makes one attempt.
func (o *Outbox) sendTo(ctx context.Context, to string, h held, body []byte) error {
	ctx, cancel := context.WithTimeoutCause(ctx, sendLimit, fmt.Errorf("not delivered within %s", sendLimit))
	defer cancel()
	switch {
	case to == toWebhook && o.Webhook != "":
		return o.Send(ctx, o.Webhook, h.Event.ID, o.Now(), body)
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
	if now.Sub(h.Written) >= giveUpAfter {
		o.toldAll(h.To, "dead")
		log.Error("event not delivered, and given up; signpost events redeliver sends it again")
		return o.move(ctx, h, deadKey(now, h.Event.ID))
	}
	o.toldAll(h.To, "failed")
	log.Warn("event not delivered yet", "again_in", delay.Round(time.Second).String())
	return o.move(ctx, h, entryKey(now.Add(delay), h.Event.ID))
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
