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

// minTimeLeft is the time that one entry may take: a response of 15 s, and reading and writing the entry.
const minTimeLeft = 20 * time.Second

// QueueDue queues up to limit due entries and returns their number. Each lane gets an equal share, the oldest entries
// first. Wait waits for the deliveries. A delivery that starts too late for the deadline of ctx is skipped: a process
// that is killed during an attempt cannot record that it failed.
func (o *Outbox) QueueDue(ctx context.Context, limit int) (queued int, err error) {
	if !hasTime(ctx) {
		return 0, nil
	}
	s := selection{limit: limit, found: map[lane]int{}}
	err = o.eachDue(ctx, func(key string, l lane) {
		if o.deliveries.accepts(l, key) {
			s.add(key, l)
		}
	})
	for _, c := range s.chosen() {
		if o.deliveries.add(c.lane, c.key, func() { o.processInTime(ctx, c.key) }) {
			queued++
		}
	}
	return queued, err
}

// selection is a fair selection of up to limit keys.
type selection struct {
	limit int
	found map[lane]int
	keys  []candidate
}

type candidate struct {
	key  string
	lane lane
	rank float64
}

// add adds key, whose lane's older keys were added before. The nth key of a lane competes with the nth keys of the
// other lanes. A random fraction decides among them, so that no lane is always last.
func (s *selection) add(key string, l lane) {
	n := s.found[l]
	if n > 0 && n >= s.limit/len(s.found) {
		return
	}
	s.found[l]++
	s.keys = append(s.keys, candidate{key, l, float64(n) + rand.Float64()})
}

// chosen returns the selected keys in the order of their ranks.
func (s *selection) chosen() []candidate {
	slices.SortFunc(s.keys, func(a, b candidate) int { return cmp.Compare(a.rank, b.rank) })
	return s.keys[:min(len(s.keys), s.limit)]
}

// processInTime processes the entry at key if the deadline of ctx allows it. An attempt that was started continues for
// drainTimeout after ctx ends.
func (o *Outbox) processInTime(ctx context.Context, key string) {
	if !hasTime(ctx) {
		return
	}
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(drainTimeout, cancel) })()
	o.process(longer, key)
}

// hasTime reports whether the deadline of ctx allows another attempt.
func hasTime(ctx context.Context) bool {
	end, ends := ctx.Deadline()
	return ctx.Err() == nil && (!ends || time.Until(end) > minTimeLeft)
}

// process claims the entry at key unless another server has its lease, and delivers it if the record confirms the
// event.
func (o *Outbox) process(ctx context.Context, key string) {
	h, err := readEntry(ctx, o.Bucket, key)
	if err == nil && h.Lease.After(o.Now()) {
		return
	}
	if err == nil {
		h, err = o.claim(ctx, h)
	}
	if err == nil && !h.Confirmed {
		h.Confirmed, err = o.confirm(ctx, h)
	}
	switch {
	case errors.Is(err, bucket.ErrNotFound), errors.Is(err, bucket.ErrChanged): // another server processes it
	case errors.Is(err, errInvalidEntry):
		o.deliveries.ignore(key) // it is reported once
		o.Log.Error("invalid outbox entry ignored", "key", key, "error", err)
	case err != nil:
		o.Log.Error("outbox entry processing failed", "key", key, "error", err)
	case h.Confirmed:
		o.deliver(ctx, h)
	}
}

// confirm reports whether the record confirms the event of h. It deletes a rejected entry and postpones a pending one.
func (o *Outbox) confirm(ctx context.Context, h storedEntry) (bool, error) {
	verdict, err := o.Confirm(ctx, h.importEvent(), o.Now().Sub(h.Written) > recordTimeout)
	switch {
	case err != nil:
		return false, err
	case verdict == imports.Pending:
		return false, moveEntry(ctx, o.Bucket, h, pendingPrefix, h.Written.Add(recordTimeout+time.Second))
	case verdict == imports.Rejected:
		return false, o.Bucket.Delete(ctx, h.key)
	}
	return true, nil
}
