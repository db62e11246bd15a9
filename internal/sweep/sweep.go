// Package sweep is the periodic maintenance of a bucket: it expires overdue imports, removes what was uploaded to imports that ended
// without an object, aborts orphaned multipart uploads, and redelivers events. Any number of servers may sweep one bucket: a lease in
// the bucket lets one at a time.
package sweep

import (
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
	// outboxEvery is the interval between inspections of the outbox. Each costs one listing.
	outboxEvery = 5 * time.Second
	// sweepEvery is the interval between sweeps of imports and uploads. Each costs about four listings for each owner.
	sweepEvery = 10 * time.Minute
	// checkEvery is the interval at which a server checks whether a sweep is due and whether it can take the lease.
	checkEvery = time.Minute
	// sendLimit is the time that Once has for deliveries. A receiver that does not answer takes 15 s for each.
	sendLimit = time.Minute
	// releaseLimit is the time that a stopping server has for releasing the lease.
	releaseLimit = 5 * time.Second
	// deadlineMargin is the time that a sweep leaves before its context's deadline, for recording its progress and releasing the lease:
	// two calls of at most 5 s, which rarely take 100 ms.
	deadlineMargin = 5 * time.Second
)

// Sweeper sweeps one bucket.
type Sweeper struct {
	Bucket  *bucket.Bucket
	Imports *imports.Service
	Outbox  *outbox.Outbox // nil: there are no receivers of events
	Holder  string         // names this server; unique
	Now     func() time.Time
	Log     *slog.Logger

	margin time.Duration // deadlineMargin, except in tests

	mu    sync.Mutex // held while the lease is read and written
	lease held
}

// Report is the result of a sweep.
type Report struct {
	Imports imports.Swept // those that were old enough to be inspected
	Uploads imports.Swept // multipart uploads in progress
	Events  int           // events that were due
}

// Run sweeps whenever this server has the lease, until ctx ends.
func (s *Sweeper) Run(ctx context.Context) {
	var loops sync.WaitGroup
	if s.Outbox != nil {
		loops.Go(func() { s.every(ctx, outboxEvery, s.pass) })
	}
	s.every(ctx, checkEvery, s.sweepDue)
	loops.Wait()
	if err := s.releaseSoon(ctx); err != nil {
		s.Log.Warn("lease not released; other servers sweep once it has expired", "error", err.Error())
	}
}

// releaseSoon releases the lease although ctx may have ended.
func (s *Sweeper) releaseSoon(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseLimit)
	defer cancel()
	return s.release(ctx)
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
	_, err := s.Outbox.QueueDue(ctx, outboxAtOnce)
	return err
}

// outboxAtOnce bounds the events that are taken in one go.
const outboxAtOnce = 1000

// RunOnce sweeps now and delivers what is due, as far as a minute suffices for it. ErrLeased: another server sweeps.
func (s *Sweeper) RunOnce(ctx context.Context) (r Report, err error) {
	err = s.leading(ctx, func() error {
		if r, err = s.sweep(ctx); err == nil {
			sending, cancel := context.WithTimeout(ctx, sendLimit)
			defer cancel()
			r.Events, err = s.send(sending)
		}
		return err
	})
	return r, err
}

// RunDue does what is due and returns: for a function that a schedule invokes. It does nothing if another server holds the lease. Before
// ctx's deadline it stops and records its progress, and the next call continues from there.
func (s *Sweeper) RunDue(ctx context.Context) error {
	var sent error
	var sending sync.WaitGroup // at the same time, so that a receiver that does not answer leaves the sweep its time
	sending.Go(func() { _, sent = s.send(ctx) })
	swept := s.sweepLeading(ctx)
	sending.Wait()
	return errors.Join(sent, swept)
}

// sweepLeading sweeps if that is due and no other server holds the lease.
func (s *Sweeper) sweepLeading(ctx context.Context) error {
	if due, err := s.isDue(ctx); err != nil || !due {
		return err
	}
	err := s.leading(ctx, func() error { return s.sweepDue(ctx) })
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
	defer func() { err = errors.Join(err, s.releaseSoon(ctx)) }()
	return f()
}

// send delivers the events that are due.
func (s *Sweeper) send(ctx context.Context) (events int, err error) {
	if s.Outbox == nil {
		return 0, nil
	}
	events, err = s.Outbox.QueueDue(ctx, outboxAtOnce)
	s.Outbox.Wait()
	return events, err
}

// ErrLeased says that another server sweeps.
var ErrLeased = errors.New("another server sweeps this bucket at the moment; it does what there is to do")

// isDue reports whether a sweep is due, with one call.
func (s *Sweeper) isDue(ctx context.Context) (due bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lease, err = s.readLease(ctx)
	return !s.lease.Looked.Add(sweepEvery).After(s.Now()), err
}

// sweepDue sweeps if that is due.
func (s *Sweeper) sweepDue(ctx context.Context) error {
	if st, err := s.progress(ctx); err != nil || st.Looked.Add(sweepEvery).After(s.Now()) {
		return err
	}
	report, err := s.sweep(ctx)
	s.logReport(report)
	return err
}

func (s *Sweeper) logReport(r Report) {
	if r.Imports.Terminated+r.Uploads.Terminated > 0 {
		s.Log.Info("swept", "imports_ended", r.Imports.Terminated, "uploads_aborted", r.Uploads.Terminated)
	}
	for _, err := range append(r.Imports.Failed, r.Uploads.Failed...) {
		s.Log.Error("import cannot be inspected", "error", err.Error())
	}
}
