package imports

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// A completion may take longer than the call that requested it, and longer than the server runs. This file waits for
// completions and resumes them.

const (
	// defaultCompletionWait is the default of Service.CompletionWait. API Gateway ends requests after 29 s.
	defaultCompletionWait = 20 * time.Second
	// completionLimit ends a completion whose callers have left. S3 takes minutes for thousands of parts.
	completionLimit = 10 * time.Minute
	// pollInterval is how often a completion on another server is inspected.
	pollInterval = 100 * time.Millisecond
	// maxAttempts limits how often a completion is resumed to which the store sends no response. A server that stopped
	// counts as one.
	maxAttempts = 5
)

func (s *Service) completionWait() time.Duration {
	return cmp.Or(s.CompletionWait, defaultCompletionWait)
}

// waitForCompletion calls complete and returns its result. complete continues after the wait has ended or the client
// has disconnected.
func (s *Service) waitForCompletion(
	ctx context.Context, owner, id string, complete func(context.Context) (Job, error),
) (Job, error) {
	type result struct {
		job Job
		err error
	}
	done := make(chan result, 1)
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), completionLimit)
	go func() {
		defer cancel()
		job, err := complete(detached)
		done <- result{job, err}
	}()
	for {
		select {
		case r := <-done:
			return r.job, r.err
		case <-time.After(s.completionWait()):
		}
		j, err := s.load(ctx, owner, id)
		if err != nil {
			return Job{}, err
		}
		if j.Status.open() && !j.completing() {
			continue // without a recorded claim, no other server would resume the completion
		}
		if j.Status.open() {
			// If the upload is gone, the object is about to appear.
			if parts, err := s.Bucket.AllParts(ctx, j.multipart()); err == nil {
				return j.withParts(parts).completionResult()
			}
		}
		return j.completionResult()
	}
}

// renewingClaim calls work and renews the claim in the record meanwhile, so that other servers do not resume the
// completion while this one runs.
func (s *Service) renewingClaim(ctx context.Context, j Job, work func() error) (Job, error) {
	done := make(chan error, 1)
	go func() { done <- work() }()
	for {
		select {
		case err := <-done:
			return j, err
		case <-time.After(s.completionWait() / 2):
			next := j
			next.Parts = j.Parts.renew(s.Now())
			// On an error another server replaced the record; what happens next depends on the result of work.
			if renewed, err := s.store(ctx, j, next); err == nil {
				j = renewed
			}
		}
	}
}

// awaitObject inspects a job whose multipart upload the store no longer has until it is terminal, for at most
// completionWait: the object exists, or another server is assembling it.
func (s *Service) awaitObject(ctx context.Context, j Job) (Job, error) {
	timeout := time.After(s.completionWait())
	for {
		job, err := s.inspect(ctx, j.Owner, j.ID)
		if err != nil {
			return job, err
		}
		if job.Status.IsTerminal() {
			return job.completionResult()
		}
		select {
		case <-timeout:
			return job.completionResult()
		case <-time.After(pollInterval):
		}
	}
}

// resume resumes a completion whose server stopped. A failure of the completion is recorded and not returned, because
// the caller only reads the job.
func (s *Service) resume(ctx context.Context, j Job, parts []bucket.Part) (Job, error) {
	job, err := s.waitForCompletion(ctx, j.Owner, j.ID, func(ctx context.Context) (Job, error) {
		if err := j.Parts.check(parts, j.Size); err != nil {
			return s.recordFailure(ctx, j, err)
		}
		if j.Parts.Attempts >= maxAttempts {
			why := fmt.Errorf("complete import %s: no response in %d attempts", j.ID, maxAttempts)
			return s.recordFailure(ctx, j, completionFailed(why))
		}
		next := j
		next.Parts = j.Parts.claim(s.Now())
		j, err := s.store(ctx, j, next)
		if err != nil {
			return Job{}, err
		}
		return s.assemble(ctx, j, parts)
	})
	var why *Error
	switch {
	case !errors.As(err, &why) || why.Kind == Unavailable:
		return job, err
	case why.Kind == Full: // the record may be unwritten too; a later call resumes the completion
		j.Parts = j.Parts.release(why)
		return j.withParts(parts), nil
	}
	return s.inspect(ctx, j.Owner, j.ID)
}
