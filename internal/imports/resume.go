package imports

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// A completion may outlast the call that asked for it, and the server that made that call. This file waits for it, and goes on
// with it.

const (
	// standardPatience leaves API Gateway, which gives up after 29 s, time for everything else.
	standardPatience = 20 * time.Second
	// completionLimit ends a completion that nobody waits for any more. S3 takes minutes for thousands of parts.
	completionLimit = 10 * time.Minute
	// lostAfter is how long after a completion began, with neither parts nor object to be seen, it is given up for lost.
	lostAfter = time.Hour
	// glance is how often a completion that another server makes is looked for.
	glance = 100 * time.Millisecond
	// maxAttempts limits how often a completion is resumed that the store does not answer. A server that was stopped
	// costs one.
	maxAttempts = 5
)

func (s *Service) patience() time.Duration {
	if s.CompletionWait > 0 {
		return s.CompletionWait
	}
	return standardPatience
}

// wait calls f, which goes on when the caller's patience ends or the caller goes away.
func (s *Service) wait(ctx context.Context, owner, id string, f func(context.Context) (Job, error)) (Job, error) {
	type outcome struct {
		job Job
		err error
	}
	done := make(chan outcome, 1)
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), completionLimit)
	go func() {
		defer cancel()
		job, err := f(detached)
		done <- outcome{job, err}
	}()
	for {
		select {
		case o := <-done:
			return o.job, o.err
		case <-time.After(s.patience()):
		}
		j, err := s.load(ctx, owner, id)
		if err != nil {
			return Job{}, err
		}
		if j.Status.open() && !j.completing() {
			continue // the record does not say so yet, so nobody would go on with it
		}
		if j.Status.open() {
			if parts, err := s.Bucket.AllParts(ctx, j.multipart()); err == nil { // gone: the object is there any moment
				return j.holding(parts).underWay()
			}
		}
		return j.underWay()
	}
}

// underWay is the answer to who waits for j: completed, still at it, failed to complete, or over.
func (j Job) underWay() (Job, error) {
	switch {
	case j.Status == Completed:
		return j, nil
	case j.Status.open() && j.LastFailure() != (Failure{}):
		return Job{}, j.LastFailure().error()
	case j.Status.open():
		j.Status = Uploading
		if j.Parts != nil && j.Parts.Uploaded == 0 && j.Size != nil && j.completing() { // the store is making them into the object
			return j.counting(j.Parts.PartCount, *j.Size), nil
		}
		return j, nil
	case j.Status == Failed && j.Failure.Code == ChecksumMismatch:
		return Job{}, checksumMismatch(j.Failure.Detail)
	}
	return Job{}, over(j.Status)
}

// renewing does the work of a completion and meanwhile renews the record's word of it, so that others wait for this server while
// it lives.
func (s *Service) renewing(ctx context.Context, j stored, work func() error) (stored, error) {
	done := make(chan error, 1)
	go func() { done <- work() }()
	for {
		select {
		case err := <-done:
			return j, err
		case <-time.After(s.patience() / 2):
			next := j.Job
			next.Parts = j.Parts.renew(s.Now())
			if renewed, err := s.store(ctx, j, next); err == nil {
				j = renewed
			} // else another server wrote: it is for the outcome to show which
		}
	}
}

// renew returns p with the claim of a server that is still at it.
func (p Parts) renew(now time.Time) *Parts {
	p.Completing = now.UTC()
	return &p
}

// await looks for the object of an upload that the store no longer has, as long as patience lasts: it is there, or another server
// is making it.
func (s *Service) await(ctx context.Context, j Job) (Job, error) {
	patience := time.After(s.patience())
	for {
		job, err := s.reconciled(ctx, j.Owner, j.ID, s.Now())
		if err != nil || !job.Status.open() {
			if err == nil {
				job, err = job.underWay()
			}
			return job, err
		}
		select {
		case <-patience:
			return job.underWay()
		case <-time.After(glance):
		}
	}
}

// resume goes on with a completion that a server began and did not end. What keeps it from ending is no fault of the reader's.
func (s *Service) resume(ctx context.Context, j stored, parts []bucket.Part) (Job, error) {
	job, err := s.wait(ctx, j.Owner, j.ID, func(ctx context.Context) (Job, error) {
		if err := j.Parts.check(parts, j.Size); err != nil {
			return s.withdraw(ctx, j, err)
		}
		if j.Parts.Attempts >= maxAttempts {
			why := fmt.Errorf("complete import %s: not answered in %d attempts", j.ID, maxAttempts)
			return s.withdraw(ctx, j, completionFailed(why))
		}
		next := j.Job
		next.Parts = j.Parts.claim(s.Now()) // so that other readers leave it to this one
		j, err := s.store(ctx, j, next)
		if err != nil {
			return Job{}, err
		}
		return s.makeObject(ctx, j, parts)
	})
	var why *Error
	switch {
	case !errors.As(err, &why) || why.Kind == Unavailable:
	case why.Kind == Full: // perhaps for the record too; then a later call resumes the completion
		j.Parts = j.Parts.release(why)
		return j.holding(parts), nil
	default:
		return s.reconciled(ctx, j.Owner, j.ID, s.Now())
	}
	return job, err
}

// settle decides about a job of which the store has neither parts nor object. One that is being completed may be between them.
func (s *Service) settle(ctx context.Context, j stored, now time.Time) (Job, error) {
	seen, err := s.object(ctx, j.Job) // again: it may have appeared since
	if err != nil {
		return Job{}, err
	}
	if seen == nil && j.completing() && now.Sub(j.Parts.Completing) < lostAfter {
		return j.underWay()
	}
	if seen == nil {
		return s.lose(ctx, j)
	}
	return s.move(ctx, j, j.observe(seen, now))
}

// lose records that nothing is left of j's upload: a lifecycle rule, or somebody with the store's own keys, removed it.
func (s *Service) lose(ctx context.Context, j stored) (Job, error) {
	next := j.Job
	next.Status, next.Failure = Failed, &Failure{Code: UploadLost, Detail: "the store has no trace of the upload; it was removed behind the service's back"}
	return s.move(ctx, j, next)
}
