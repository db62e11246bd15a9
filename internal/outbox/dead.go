package outbox

import (
	"context"
	"fmt"
	"time"
)

// Dead is an event that was given up.
type Dead struct {
	Event    Event     `json:"event"`
	Since    time.Time `json:"dead_since"`
	Attempts int       `json:"attempts"`
	Failure  string    `json:"failure"` // of the last attempt
}

// EachDead calls f for each event that was given up, the oldest first.
func (o *Outbox) EachDead(ctx context.Context, f func(Dead) error) error {
	return o.eachDead(ctx, func(key string, since time.Time, _ string) error {
		h, err := o.read(ctx, key)
		if err != nil {
			return err
		}
		return f(Dead{h.Event, since, h.Attempts, h.Failure})
	})
}

func (o *Outbox) eachDead(ctx context.Context, f func(key string, since time.Time, id string) error) error {
	for after, more := "", true; more; {
		var keys []string
		var err error
		if keys, more, err = o.Bucket.List(ctx, deadPrefix, after, pageSize); err != nil {
			return fmt.Errorf("list dead events: %w", err)
		}
		for _, key := range keys {
			after = key
			since, id, ok := parseKey(key)
			if !ok {
				continue
			}
			if err := f(key, since, id); err != nil {
				return err
			}
		}
		more = more && len(keys) > 0
	}
	return nil
}

// Redeliver has dead events tried for three days more, from now on: the one of that id, or all where it is empty. It returns how many.
func (o *Outbox) Redeliver(ctx context.Context, id string) (n int, err error) {
	err = o.eachDead(ctx, func(key string, _ time.Time, dead string) error {
		if id != "" && id != dead {
			return nil
		}
		h, err := o.read(ctx, key)
		if err != nil {
			return err
		}
		h.Written, h.Attempts, h.Lease = o.Now().UTC(), 0, time.Time{}
		if err := o.move(ctx, h, entryKey(h.Written, h.Event.ID)); err != nil {
			return err
		}
		n++
		return nil
	})
	return n, err
}
