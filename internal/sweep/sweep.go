// Package sweep is the periodic maintenance of a bucket: it expires overdue imports, removes objects that were uploaded
// to failed, aborted or expired imports, aborts orphaned multipart uploads, and delivers due events. Any number of
// servers may share a bucket: a lease in the bucket makes one of them sweep at a time.
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
	// deliveryTimeout is the time that RunOnce has for deliveries. A receiver that does not answer takes 15 s for each.
	deliveryTimeout = time.Minute
	// releaseTimeout is the time that a stopping server has for releasing the lease.
	releaseTimeout = 5 * time.Second
	// deadlineMargin is the time between the end of a sweep and the deadline of its context. In this time it saves its
	// progress and releases the lease: two calls of at most 5 s, which rarely take 100 ms.
	deadlineMargin = 5 * time.Second
)

// Sweeper sweeps one bucket.
type Sweeper struct {
	Bucket  *bucket.Bucket
	Imports *imports.Service
	Outbox  *outbox.Outbox // nil if there are no receivers of events
	Holder  string         // the unique name of this server
	Now     func() time.Time
	Log     *slog.Logger

	mu    sync.Mutex // held while the lease is read and written
	lease storedLease
}

// Report is the result of a sweep.
type Report struct {
	Imports imports.Swept // the imports of the ages at which imports are inspected
	Uploads imports.Swept // the multipart uploads in progress
	Events  int           // the number of due events
}

// Run sweeps whenever this server has the lease, until ctx ends.
func (s *Sweeper) Run(ctx context.Context) {
	var loops sync.WaitGroup
	if s.Outbox != nil {
		loops.Go(func() { s.every(ctx, outboxEvery, s.queueDue) })
	}
	s.every(ctx, checkEvery, s.sweepDue)
	loops.Wait()
	if err := s.releaseInTime(ctx); err != nil {
		s.Log.Warn("lease not released; other servers sweep once it has expired", "error", err.Error())
	}
}

// releaseInTime releases the lease, even if ctx has ended.
func (s *Sweeper) releaseInTime(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	return s.release(ctx)
}

// every calls f at once and then at each interval, if this server has the lease.
func (s *Sweeper) every(ctx context.Context, interval time.Duration, f func(context.Context) error) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		ours, err := s.acquire(ctx)
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

func (s *Sweeper) queueDue(ctx context.Context) error {
	_, err := s.Outbox.QueueDue(ctx, outboxBatch)
	return err
}

// outboxBatch limits the events that are queued at a time.
const outboxBatch = 1000

// RunOnce sweeps and then delivers due events for at most deliveryTimeout. It returns ErrLeased if another server
// sweeps.
func (s *Sweeper) RunOnce(ctx context.Context) (r Report, err error) {
	err = s.withLease(ctx, func() error {
		if r, err = s.sweep(ctx); err == nil {
			limited, cancel := context.WithTimeout(ctx, deliveryTimeout)
			defer cancel()
			r.Events, err = s.deliverDue(limited)
		}
		return err
	})
	return r, err
}

// RunDue delivers due events and sweeps if a sweep is due, for a function that a schedule invokes. It does not sweep if
// another server has the lease. Before the deadline of ctx it stops and saves its progress, and the next call continues
// from there.
func (s *Sweeper) RunDue(ctx context.Context) error {
	var deliveryErr error
	var delivering sync.WaitGroup // concurrent, so that a receiver that does not answer takes no time from the sweep
	delivering.Go(func() { _, deliveryErr = s.deliverDue(ctx) })
	sweepErr := s.sweepIfDue(ctx)
	delivering.Wait()
	return errors.Join(deliveryErr, sweepErr)
}

// sweepIfDue sweeps if a sweep is due and no other server has the lease.
func (s *Sweeper) sweepIfDue(ctx context.Context) error {
	if due, err := s.isDue(ctx); err != nil || !due {
		return err
	}
	err := s.withLease(ctx, func() error { return s.sweepDue(ctx) })
	if errors.Is(err, ErrLeased) {
		return nil
	}
	return err
}

// withLease acquires the lease, calls f and releases the lease. It returns ErrLeased if another server has it.
func (s *Sweeper) withLease(ctx context.Context, f func() error) (err error) {
	ours, err := s.acquire(ctx)
	if err == nil && !ours {
		err = ErrLeased
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.releaseInTime(ctx)) }()
	return f()
}

// deliverDue delivers due events and returns their number.
func (s *Sweeper) deliverDue(ctx context.Context) (events int, err error) {
	if s.Outbox == nil {
		return 0, nil
	}
	events, err = s.Outbox.QueueDue(ctx, outboxBatch)
	s.Outbox.Wait()
	return events, err
}

// ErrLeased means that another server has the lease.
var ErrLeased = errors.New("another server sweeps this bucket at the moment; it does what there is to do")

// isDue reports whether a sweep is due. It makes one call to the store.
func (s *Sweeper) isDue(ctx context.Context) (due bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lease, err = s.readLease(ctx)
	return !s.lease.SweptAt.Add(sweepEvery).After(s.Now()), err
}

// sweepDue sweeps if a sweep is due. This server must have the lease.
func (s *Sweeper) sweepDue(ctx context.Context) error {
	if st, err := s.loadState(ctx); err != nil || st.SweptAt.Add(sweepEvery).After(s.Now()) {
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
