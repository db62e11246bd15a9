// Package sweep does what is nobody's request: it records what became of imports that nobody reads, frees the parts of abandoned
// uploads, and sends what other servers left in the outbox. Any number of servers may sweep one bucket; one of them does at a time.
package sweep

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/outbox"
)

const (
	// outboxEvery is how often the outbox is looked at, which costs one listing.
	outboxEvery = 5 * time.Second
	// settleEvery is how often imports are: some three listings for each owner.
	settleEvery = 10 * time.Minute
	// lookEvery is how often it is looked whether it is time for that, and whose turn.
	lookEvery = time.Minute
	// releaseLimit is what a server that stops has left for handing over.
	releaseLimit = 5 * time.Second
)

// Sweeper sweeps one bucket.
type Sweeper struct {
	Bucket  *bucket.Bucket
	Imports *imports.Service
	Outbox  *outbox.Outbox // nil: nobody is told anything
	Holder  string         // this server, unlike any other
	Now     func() time.Time
	Log     *slog.Logger

	mu    sync.Mutex // held while the lease is read and written
	lease held
}

// Report is what a sweep came to.
type Report struct {
	Imports imports.Swept // those whose time was over
	Uploads imports.Swept // in parts, that were under way
	Events  int           // that were due
}

// Run sweeps whenever this server has the lease, until ctx ends.
func (s *Sweeper) Run(ctx context.Context) {
	var loops sync.WaitGroup
	if s.Outbox != nil {
		loops.Go(func() { s.every(ctx, outboxEvery, s.pass) })
	}
	s.every(ctx, lookEvery, s.settleDue)
	loops.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseLimit)
	defer cancel()
	if err := s.release(ctx); err != nil {
		s.Log.Warn("another server sweeps only when the lease has ended", "error", err.Error())
	}
}

// every calls f at once and then at each interval, if this server has the lease.
func (s *Sweeper) every(ctx context.Context, interval time.Duration, f func(context.Context) error) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		ours, err := s.hold(ctx)
		if ours && err == nil {
			err = f(ctx)
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, ErrLeased) {
			s.Log.Warn("sweep was cut short", "error", err.Error())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

func (s *Sweeper) pass(ctx context.Context) error {
	_, err := s.Outbox.Pass(ctx, outboxAtOnce)
	return err
}

// outboxAtOnce bounds the events that are taken in one go.
const outboxAtOnce = 1000

// Once sweeps now, and returns when all is done. ErrLeased: another server is at it.
func (s *Sweeper) Once(ctx context.Context) (r Report, err error) {
	err = s.leading(ctx, func() error {
		if r, err = s.settle(ctx); err == nil {
			r.Events, err = s.send(ctx)
		}
		return err
	})
	return r, err
}

// Due does what it is time for, and returns when it is done: for those who are called now and then, and have no process of their own. It
// does nothing where another server is at it.
func (s *Sweeper) Due(ctx context.Context) error {
	var sent error
	var sending sync.WaitGroup                   // meanwhile, lest a receiver that does not answer take all the time there is
	sending.Go(func() { _, sent = s.send(ctx) }) // for which each event has a lease of its own
	settled := s.settleLeading(ctx)
	sending.Wait()
	return errors.Join(sent, settled)
}

// settleLeading settles, if it is time for that and no other server is at it.
func (s *Sweeper) settleLeading(ctx context.Context) error {
	if due, err := s.isDue(ctx); err != nil || !due {
		return err
	}
	err := s.leading(ctx, func() error { return s.settleDue(ctx) })
	if errors.Is(err, ErrLeased) {
		return nil
	}
	return err
}

// leading calls f while this server has the lease.
func (s *Sweeper) leading(ctx context.Context, f func() error) (err error) {
	ours, err := s.hold(ctx)
	if err == nil && !ours {
		err = ErrLeased
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.release(context.WithoutCancel(ctx))) }()
	return f()
}

// send delivers the events that are due.
func (s *Sweeper) send(ctx context.Context) (events int, err error) {
	if s.Outbox == nil {
		return 0, nil
	}
	events, err = s.Outbox.Pass(ctx, outboxAtOnce)
	s.Outbox.Wait()
	return events, err
}

// ErrLeased says that another server sweeps.
var ErrLeased = errors.New("another server sweeps this bucket at the moment; it does what there is to do")

// isDue reports whether it is time to settle, by one call.
func (s *Sweeper) isDue(ctx context.Context) (due bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lease, err = s.readLease(ctx)
	return !s.lease.Looked.Add(settleEvery).After(s.Now()), err
}

// settleDue settles, if that was long enough ago.
func (s *Sweeper) settleDue(ctx context.Context) error {
	if st, err := s.progress(ctx); err != nil || st.Looked.Add(settleEvery).After(s.Now()) {
		return err
	}
	report, err := s.settle(ctx)
	s.tell(report)
	return err
}

// settle records the ends of imports whose time is over, each of which is looked at twice: when it is as old as URLs live and, for it may
// be in parts, as jobs do. What is under way in parts is looked at each time: last, for that notes nothing of how far it is, and whoever
// has little time may never come to its end.
func (s *Sweeper) settle(ctx context.Context) (r Report, err error) {
	begun := s.Now()
	for n, age := range []time.Duration{s.Imports.Limits.URLTTL, s.Imports.Limits.JobTTL} {
		if err := s.settleUntil(ctx, &r.Imports, n, begun.Add(-age)); err != nil {
			return r, err
		}
	}
	if r.Uploads, err = s.Imports.Free(ctx); err != nil {
		return r, err
	}
	return r, s.note(ctx, func(st *state) { st.Looked = begun.UTC() })
}

const (
	// longAgo is before anything whose end may still matter to somebody.
	longAgo = 100 * 24 * time.Hour
	// firstSlice is how much of time is looked at before it is noted how far a sweep has come. It grows where there is little.
	firstSlice = 6 * time.Hour
	littleFor  = 1000 // imports
)

// settleUntil looks at the imports created until then that were not looked at before, at the age of that number, and notes now and then
// how far it is: a sweep that is cut short is gone on with.
func (s *Sweeper) settleUntil(ctx context.Context, w *imports.Swept, age int, until time.Time) error {
	st, err := s.progress(ctx)
	if err != nil {
		return err
	}
	slice := firstSlice
	for from := st.Settled[age]; until.After(from); {
		to := from.Add(slice)
		if from.IsZero() {
			to = until.Add(-longAgo)
		}
		if to.After(until) {
			to = until
		}
		looked := w.Looked
		if err := s.settleSlice(ctx, w, from, to); err != nil {
			return err
		}
		from = to
		if w.Looked-looked < littleFor && until.After(from) {
			slice *= 2
			continue
		}
		slice = firstSlice
		if err := s.note(ctx, func(st *state) { st.Settled[age] = to.UTC() }); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sweeper) settleSlice(ctx context.Context, w *imports.Swept, from, to time.Time) error {
	return s.Imports.Owners(ctx, func(owner string) error {
		if ours, err := s.hold(ctx); err != nil || !ours {
			return cmp.Or(err, ErrLeased)
		}
		swept, err := s.Imports.Settle(ctx, owner, from, to)
		w.Looked += swept.Looked
		w.Ended += swept.Ended
		w.Odd = append(w.Odd, swept.Odd...)
		return err
	})
}

// tell logs a sweep that found something.
func (s *Sweeper) tell(r Report) {
	if r.Imports.Ended+r.Uploads.Ended > 0 {
		s.Log.Info("swept", "imports_ended", r.Imports.Ended, "uploads_ended", r.Uploads.Ended)
	}
	for _, odd := range append(r.Imports.Odd, r.Uploads.Odd...) {
		s.Log.Error("an import cannot be looked at", "error", odd.Error())
	}
}
