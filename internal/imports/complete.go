package imports

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// Complete assembles the object from its parts and returns the completed job. whole is the checksum of the whole
// object, nil if the client sends none. If the store takes longer than s.CompletionWait, the returned job is still
// Uploading: the store continues, and reading the import returns the result. Complete may be repeated, also on several
// servers at once.
func (s *Service) Complete(ctx context.Context, owner, id string, whole *Checksum) (Job, error) {
	job, err := s.waitForCompletion(ctx, owner, id, func(ctx context.Context) (Job, error) {
		return s.update(ctx, owner, id, func(j Job) (Job, error) { return s.complete(ctx, j, whole) })
	})
	if err != nil {
		return Job{}, err
	}
	return s.signed(ctx, job)
}

func (s *Service) complete(ctx context.Context, j Job, whole *Checksum) (Job, error) {
	switch {
	case j.Mode != Multipart:
		return s.completeSingle(ctx, j, whole)
	case j.discarded(): // the server that wrote this status may have stopped before it removed all data
		if err := s.removeData(ctx, j); err != nil {
			return Job{}, err
		}
		return j.completionResult()
	case j.Status.open() && j.overdue(s.Now()):
		return Job{}, terminalError(Expired)
	}
	next, err := j.withChecksum(whole)
	switch {
	case err != nil:
		return Job{}, err
	case j.Status == Completed && next.Checksum != j.Checksum:
		const detail = "The import is already completed, without this checksum. Compare it with that of the stored object."
		return Job{}, conflict(CodeCompleted, detail, nil)
	case j.Status.IsTerminal():
		return j.completionResult()
	}
	parts, err := s.Bucket.AllParts(ctx, j.multipart())
	if errors.Is(err, bucket.ErrNotFound) {
		return s.awaitObject(ctx, j)
	}
	if err != nil {
		return Job{}, fromStore("complete import "+j.ID, err)
	}
	if err := j.Parts.check(parts, j.Size); err != nil {
		return s.recordFailure(ctx, j, err)
	}
	if !j.completing() || next.Checksum != j.Checksum {
		next.Parts = j.Parts.claim(s.Now())
		if j, err = s.store(ctx, j, next); err != nil {
			return Job{}, err
		}
	}
	return s.assemble(ctx, j, parts)
}

// completeSingle inspects an import of one request, which needs no completion.
func (s *Service) completeSingle(ctx context.Context, j Job, whole *Checksum) (Job, error) {
	if whole != nil {
		const detail = "must be declared when the import is created, because the signature of a single upload covers it"
		return Job{}, invalidField(path{"checksum"}, detail)
	}
	job, err := s.reconcile(ctx, j, resumeStalled)
	switch {
	case err != nil || job.Status == Completed:
		return job, err
	case job.Status.open():
		return Job{}, conflict(CodeUploadMissing,
			"The store has no object yet. Upload the file; only multipart uploads need to be completed.", nil)
	}
	return Job{}, terminalError(job.Status)
}

// assemble requests that the store assembles j's object from parts. The record of j contains the claim already.
func (s *Service) assemble(ctx context.Context, j Job, parts []bucket.Part) (Job, error) {
	value := ""
	if j.Checksum != nil && j.withParts(parts).Parts.UploadedBytes > 0 { // MinIO refuses the right one of no bytes
		value = j.Checksum.Value
	}
	j, err := s.renewingClaim(ctx, j, func() error {
		return s.Bucket.CompleteMultipart(ctx, j.multipart(), held(parts), value) // lost ones beyond the plan do not matter
	})
	switch {
	case err == nil, errors.Is(err, bucket.ErrNotFound), errors.Is(err, bucket.ErrChanged), errors.Is(err, bucket.ErrBusy):
		return s.awaitObject(ctx, j) // assembled by this or by another server
	case errors.Is(err, bucket.ErrBadPart):
		return s.handleBadPart(ctx, j, parts, err)
	case errors.Is(err, bucket.ErrBadChecksum) && j.Checksum != nil:
		const detail = "the %s %s was declared, but the parts have another checksum"
		next := j.failed(CodeChecksumMismatch, detail, j.Checksum.Algorithm, j.Checksum.Value)
		if _, err := s.transition(ctx, j, next); err != nil {
			return Job{}, err
		}
		return next.completionResult()
	}
	failure := fromStore("complete import "+j.ID, err)
	switch {
	case isKind(failure, Unavailable), ctx.Err() != nil:
		return Job{}, failure // the claim stays, and a read or a sweep resumes the completion
	case !isKind(failure, Full):
		failure = completionFailed(failure)
	}
	return s.recordStoreFailure(ctx, j, failure)
}

// recordFailure removes the claim on the completion of j, records why the completion failed, and returns why. It checks
// for the object first: a list of parts may be incomplete while another server completes or aborts the upload, and a
// store may assemble the object and return an error.
func (s *Service) recordFailure(ctx context.Context, j Job, why error) (Job, error) {
	object, err := s.object(ctx, j)
	switch {
	case err != nil:
		return Job{}, err
	case object != nil:
		return s.awaitObject(ctx, j)
	case j.completing():
		next := j.withoutLateChecksum()
		next.Parts = j.Parts.release(why)
		_, err = s.store(ctx, j, next)
		return Job{}, cmp.Or(err, why)
	}
	latest, err := s.load(ctx, j.Owner, j.ID)
	if err == nil && latest.recordETag != j.recordETag {
		err = fmt.Errorf("complete import %s: %w", j.ID, bucket.ErrChanged)
	}
	return Job{}, cmp.Or(err, why)
}

// recordStoreFailure is recordFailure for a completion that the store failed. If the record changed meanwhile, it does
// not return ErrChanged, for which its callers would complete again: a store may copy the whole object each time.
func (s *Service) recordStoreFailure(ctx context.Context, j Job, why error) (Job, error) {
	claimed := j.Parts.Completing
	return retry(j.ID, func() (Job, error) {
		job, err := s.recordFailure(ctx, j, why)
		if !errors.Is(err, bucket.ErrChanged) {
			return job, err
		}
		latest, err := s.load(ctx, j.Owner, j.ID)
		switch {
		case err != nil:
			return Job{}, err
		case latest.Status.IsTerminal():
			return latest.completionResult()
		case !latest.completing() || !latest.Parts.Completing.Equal(claimed):
			return Job{}, why // another call has claimed the completion, or removed the claim
		}
		j = latest
		return Job{}, fmt.Errorf("complete import %s: %w", j.ID, bucket.ErrChanged)
	})
}

// handleBadPart decides about parts that the store refuses. If a part was replaced since it was listed, the completion
// starts again. Otherwise the store does not accept parts that fit the plan.
func (s *Service) handleBadPart(ctx context.Context, j Job, parts []bucket.Part, why error) (Job, error) {
	again, err := s.Bucket.AllParts(ctx, j.multipart())
	if err == nil && slices.Equal(parts, again) {
		const detail = "The store rejects the parts, although they match the plan: it may have stricter limits than Amazon S3. " +
			"Create a new import with another part_size."
		return s.recordFailure(ctx, j, conflict(CodePartSizeMismatch, detail, nil))
	}
	return Job{}, fmt.Errorf("complete import %s: %w: %w", j.ID, bucket.ErrChanged, why)
}
