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
	// sweepEvery is the interval between sweeps of imports and uploads. Each costs a listing for each owner and for each
	// 1,000 imports of the ages at which imports are inspected.
	sweepEvery = 10 * time.Minute
	// timePerOwner makes that interval longer in a bucket of more than 2,400 owners, so that sweeps do not cost more than
	// four listings in a second: on Amazon S3, 53 dollars in a month. The imports of 100,000 owners are inspected every
	// seven hours. Requests for an import do not depend on sweeps.
	timePerOwner = 250 * time.Millisecond
	// maxSweepEvery limits that interval.
	maxSweepEvery = 24 * time.Hour
	// dueMargin is the time by which a schedule may invoke a function too early.
	dueMargin = 30 * time.Second
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

// ErrLeased means that another server has the lease.
var ErrLeased = errors.New("another process, such as a running service, sweeps this bucket, so nothing was done")

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
		s.Log.Warn("sweep lease not released; it expires within a minute", "error", err)
	}
}

// every calls f at once and then at each interval, if this server has the lease.
func (s *Sweeper) every(ctx context.Context, interval time.Duration, f func(context.Context, state) error) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		st, err := s.acquire(ctx)
		if err == nil {
			err = f(ctx, st)
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, ErrLeased) {
			s.Log.Warn("sweep failed; it is repeated", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// RunOnce sweeps and then delivers due events for at most deliveryTimeout. It returns ErrLeased if another server
// sweeps.
func (s *Sweeper) RunOnce(ctx context.Context) (r Report, err error) {
	err = s.withLease(ctx, func(ctx context.Context, st state) error {
		if r, err = s.sweep(ctx, st.marks); err == nil {
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
	stored, err := s.readLease(ctx)
	if err == nil && stored.isDue(s.Now()) {
		err = s.withLease(ctx, s.sweepDue)
	}
	if errors.Is(err, ErrLeased) {
		err = nil
	}
	delivering.Wait()
	return errors.Join(deliveryErr, err)
}

// withLease acquires the lease, calls f and releases the lease. It returns ErrLeased if another server has it.
func (s *Sweeper) withLease(ctx context.Context, f func(context.Context, state) error) (err error) {
	st, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.releaseInTime(ctx)) }()
	return f(ctx, st)
}

// releaseInTime releases the lease, even if ctx has ended.
func (s *Sweeper) releaseInTime(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	return s.release(ctx)
}

// outboxBatch limits the events that are queued at a time.
const outboxBatch = 1000

func (s *Sweeper) queueDue(ctx context.Context, _ state) error {
	_, err := s.Outbox.QueueDue(ctx, outboxBatch)
	return err
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

// sweepDue sweeps if a sweep is due. This server must have the lease.
func (s *Sweeper) sweepDue(ctx context.Context, st state) error {
	if !st.isDue(s.Now()) {
		return nil
	}
	r, err := s.sweep(ctx, st.marks)
	if r.Imports.Terminated+r.Uploads.Terminated > 0 {
		s.Log.Info("sweep finished", "imports_finished", r.Imports.Terminated, "uploads_aborted", r.Uploads.Terminated)
	}
	for _, err := range append(r.Imports.Failed, r.Uploads.Failed...) {
		s.Log.Error("import inspection failed", "error", err)
	}
	return err
}
