package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// Dead is an event that was not delivered and has no further attempts.
type Dead struct {
	Event    Event     `json:"event"`
	Since    time.Time `json:"dead_since"`
	Attempts int       `json:"attempts"`
	Failure  string    `json:"failure"` // of the last attempt
}

// EachDead calls f for each dead event, the oldest first. It skips invalid entries and returns an error for them at the
// end.
func EachDead(ctx context.Context, b *bucket.Bucket, f func(Dead) error) error {
	return eachDead(ctx, b, "", func(h storedEntry, since time.Time) error {
		return f(Dead{h.Event, since, h.Attempts, h.Failure})
	})
}

// eachDead calls f for the dead entries of the event with that id, or for all if id is empty.
func eachDead(
	ctx context.Context, b *bucket.Bucket, id string, f func(h storedEntry, since time.Time) error,
) (invalid error) {
	for after, more := "", true; more; {
		var keys []string
		var err error
		if keys, more, err = b.List(ctx, deadPrefix, after, pageSize); err != nil {
			return fmt.Errorf("list dead events: %w", err)
		}
		for _, key := range keys {
			after = key
			since, dead, _, ok := parseKey(key)
			if !ok || id != "" && id != dead {
				continue
			}
			h, err := readEntry(ctx, b, key)
			if err == nil {
				err = f(h, since)
			}
			switch {
			case err == nil, errors.Is(err, bucket.ErrNotFound): // redelivered meanwhile
			case errors.Is(err, errInvalidEntry):
				invalid = errors.Join(invalid, err)
			default:
				return errors.Join(invalid, err)
			}
		}
		more = more && len(keys) > 0
	}
	return invalid
}

// Redeliver schedules dead events for three more days: the event with that id, or all if id is empty. It returns the
// number of entries: an event has one for each receiver.
func Redeliver(ctx context.Context, b *bucket.Bucket, now time.Time, id string) (n int, err error) {
	err = eachDead(ctx, b, id, func(h storedEntry, _ time.Time) error {
		h.Written, h.Attempts = now.UTC(), 0
		if err := moveEntry(ctx, b, h, pendingPrefix, h.Written); err != nil {
			return err
		}
		n++
		return nil
	})
	return n, err
}
