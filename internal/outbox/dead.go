package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// Dead is an event that was given up.
type Dead struct {
	Event    Event     `json:"event"`
	Since    time.Time `json:"dead_since"`
	Attempts int       `json:"attempts"`
	Failure  string    `json:"failure"` // of the last attempt
}

// EachDead calls f for each event that was given up, the oldest first. What is there and cannot be understood is an error in the end.
func (o *Outbox) EachDead(ctx context.Context, f func(Dead) error) error {
	return o.eachDead(ctx, "", func(h held, since time.Time) error { return f(Dead{h.Event, since, h.Attempts, h.Failure}) })
}

// eachDead calls f for those of that id, or all where it is empty.
func (o *Outbox) eachDead(ctx context.Context, id string, f func(h held, since time.Time) error) (odd error) {
	for after, more := "", true; more; {
		var keys []string
		var err error
		if keys, more, err = o.Bucket.List(ctx, deadPrefix, after, pageSize); err != nil {
			return fmt.Errorf("list dead events: %w", err)
		}
		for _, key := range keys {
			after = key
			since, dead, _, ok := parseKey(key)
			if !ok || id != "" && id != dead {
				continue
			}
			h, err := o.read(ctx, key)
			if err == nil {
				err = f(h, since)
			}
			switch {
			case err == nil, errors.Is(err, bucket.ErrNotFound): // sent again meanwhile
			case errors.Is(err, errOdd):
				odd = errors.Join(odd, err)
			default:
				return errors.Join(odd, err)
			}
		}
		more = more && len(keys) > 0
	}
	return odd
}

// Redeliver schedules dead events for three more days: the event of that id, or all if id is empty. An event is counted for each of its
// receivers that it was given up for.
func (o *Outbox) Redeliver(ctx context.Context, id string) (n int, err error) {
	err = o.eachDead(ctx, id, func(h held, _ time.Time) error {
		h.Written, h.Attempts, h.Lease = o.Now().UTC(), 0, time.Time{}
		if err := o.move(ctx, h, entryKey, h.Written); err != nil {
			return err
		}
		n++
		return nil
	})
	return n, err
}
