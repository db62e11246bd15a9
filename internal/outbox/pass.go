package outbox

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/imports"
)

// attemptLimit is what one entry may take: an answer of 15 s, and what is read and written down before and after it.
const attemptLimit = 20 * time.Second

// QueueDue queues entries that are due, at most so many, and returns how many those are. Each lane gets its share, the oldest entries first.
// Wait waits for them. A delivery that ctx has no time for when its turn comes is left to a later pass: a process that is killed in the
// middle of an attempt cannot record that it failed.
func (o *Outbox) QueueDue(ctx context.Context, most int) (queued int, err error) {
	if !timeFor(ctx) {
		return 0, nil
	}
	s := selection{most: most, found: map[lane]int{}}
	err = o.eachDue(ctx, func(key string, l lane) {
		if o.deliveries.accepts(l, key) && !o.isOdd(key) {
			s.add(key, l)
		}
	})
	for _, c := range s.chosen() {
		if o.deliveries.add(c.lane, c.key, func() { o.takeInTime(ctx, c.key) }) {
			queued++
		}
	}
	return queued, err
}

// selection is a set of at most `most` keys, taken fairly from more.
type selection struct {
	most  int
	found map[lane]int
	keys  []candidate
}

type candidate struct {
	key  string
	lane lane
	turn float64
}

// add considers key, after all older keys of its lane. The nth key of a lane competes with the nth keys of the other lanes. The random
// fraction decides among them, so that no lane is last each time.
func (s *selection) add(key string, l lane) {
	n := s.found[l]
	if n > 0 && n >= s.most/len(s.found) {
		return
	}
	s.found[l]++
	s.keys = append(s.keys, candidate{key, l, float64(n) + rand.Float64()})
}

// chosen returns the keys of the selection in the order of their turns.
func (s *selection) chosen() []candidate {
	slices.SortFunc(s.keys, func(a, b candidate) int { return cmp.Compare(a.turn, b.turn) })
	return s.keys[:min(len(s.keys), s.most)]
}

// takeInTime takes the entry at key if ctx lasts for it. An attempt that was begun has a moment longer than ctx.
func (o *Outbox) takeInTime(ctx context.Context, key string) {
	if !timeFor(ctx) {
		return
	}
	taking, cancel := outliving(ctx)
	defer cancel()
	o.take(taking, key)
}

// timeFor reports whether ctx lasts for another attempt.
func timeFor(ctx context.Context) bool {
	end, ends := ctx.Deadline()
	return ctx.Err() == nil && (!ends || time.Until(end) > attemptLimit)
}

// Wait returns when no delivery of this server waits or is in progress.
func (o *Outbox) Wait() { o.deliveries.wait() }

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
	case word == imports.Confirmed:
		h.True = true
		return nil
	case word == imports.Rejected:
		return errors.Join(errNotTrue, o.Bucket.Delete(ctx, h.key))
	}
	h.Lease = time.Time{}
	return errors.Join(errNotTrue, o.move(ctx, *h, entryKey, h.Written.Add(recordLimit+time.Second)))
}
