package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/imports"
)

// mostUnderWay bounds the entries that a server is at.
const mostUnderWay = 1000

// attemptLimit is what one entry may take: an answer of 15 s, and what is read and written down before and after it.
const attemptLimit = 20 * time.Second

// pageSize is the most that S3 lists in one answer.
const pageSize = 1000

// Pass begins to deliver what is due and nobody is at, at most so many, and returns how many those are. Wait waits for them. It begins
// nothing that ctx has no time for: who is killed in the middle of a delivery cannot write down that it failed.
func (o *Outbox) Pass(ctx context.Context, most int) (begun int, err error) {
	now := o.Now()
	most = min(most, o.room())
	turns := make(chan struct{}, cmp.Or(o.AtOnce, mostUnderWay))
	for after, more := pendingPrefix, true; more && begun < most; {
		var keys []string
		if keys, more, err = o.Bucket.List(ctx, pendingPrefix, after, pageSize); err != nil {
			return begun, fmt.Errorf("list the outbox: %w", err)
		}
		for _, key := range keys {
			after = key
			due, _, ok := parseKey(key)
			if due.After(now) || key >= deadPrefix {
				return begun, nil
			}
			if !ok {
				continue
			}
			turns <- struct{}{}
			if !timeFor(ctx) {
				return begun, nil
			}
			if !o.begin(key) {
				<-turns
				continue
			}
			go func() {
				defer func() {
					o.end(key)
					<-turns
				}()
				taking, cancel := outliving(ctx)
				defer cancel()
				o.take(taking, key)
			}()
			if begun++; begun == most {
				break
			}
		}
		more = more && len(keys) > 0
	}
	return begun, nil
}

// timeFor reports whether ctx lasts for another attempt.
func timeFor(ctx context.Context) bool {
	end, ends := ctx.Deadline()
	return ctx.Err() == nil && (!ends || time.Until(end) > attemptLimit)
}

// Wait returns when nothing is under way of what this server sends.
func (o *Outbox) Wait() {
	for idle := o.untilIdle(); idle != nil; idle = o.untilIdle() {
		<-idle
	}
}

// untilIdle is closed when nothing is under way; nil: nothing is.
func (o *Outbox) untilIdle() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.busy) == 0 {
		return nil
	}
	return o.idle
}

// take claims the entry at key, if nobody is at it, and delivers it, if it is true.
func (o *Outbox) take(ctx context.Context, key string) {
	h, err := o.read(ctx, key)
	if err == nil && h.Lease.After(o.Now()) {
		return
	}
	if err == nil {
		h, err = o.claim(ctx, h)
	}
	if err == nil && !h.True {
		err = o.confirm(ctx, &h)
	}
	switch {
	case errors.Is(err, bucket.ErrNotFound), errors.Is(err, bucket.ErrChanged), errors.Is(err, errNotTrue): // another's, or nobody's
	case errors.Is(err, errOdd):
		o.passOver(key)
		o.Log.Error("an object in the outbox is left alone", "key", key, "error", err.Error())
	case err != nil:
		o.Log.Error("an entry of the outbox is left", "key", key, "error", err.Error())
	default:
		o.deliver(ctx, h)
	}
}

// errNotTrue is of an event whose record does not say so.
var errNotTrue = errors.New("the record does not say so")

// confirm makes sure that h's record says so. One of which it never will is removed.
func (o *Outbox) confirm(ctx context.Context, h *held) error {
	word, err := o.Confirm(ctx, h.news(), o.Now().Sub(h.Written) > recordLimit)
	switch {
	case err != nil:
		return err
	case word == imports.True:
		h.True = true
		return nil
	case word == imports.Never:
		return errors.Join(errNotTrue, o.Bucket.Delete(ctx, h.key))
	}
	h.Lease = time.Time{}
	return errors.Join(errNotTrue, o.move(ctx, *h, entryKey, h.Written.Add(recordLimit+time.Second)))
}
