package imports

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// Complete makes the object of a job's parts, and returns the completed job. Whole, where it is not nil, is the checksum of the
// whole. If the store takes longer than s.CompletionWait, the job returned is still Uploading: the store goes on, and so does the next
// read. It may be called again, and by several servers at once.
func (s *Service) Complete(ctx context.Context, owner, id string, whole *Checksum) (Job, error) {
	job, err := s.wait(ctx, owner, id, func(ctx context.Context) (Job, error) {
		return retry(id, func() (Job, error) {
			j, err := s.load(ctx, owner, id)
			if err != nil {
				return Job{}, err
			}
			return s.complete(ctx, j, whole)
		})
	})
	if err != nil {
		return Job{}, err
	}
	return s.signed(ctx, job, s.Now())
}

func (s *Service) complete(ctx context.Context, j stored, whole *Checksum) (Job, error) {
	switch {
	case j.Mode != Multipart:
		return s.completeSingle(ctx, j, whole)
	case j.unwanted(): // the server that ended it may have died before it had removed all
		if err := s.free(ctx, j.Job); err != nil {
			return Job{}, err
		}
		return j.underWay()
	case j.Status.open() && j.overdue(s.Now()):
		return Job{}, over(Expired)
	}
	wanted, err := j.withChecksum(whole)
	switch {
	case err != nil:
		return Job{}, err
	case j.Status == Completed && wanted.Checksum != j.Checksum:
		return Job{}, conflict(CodeCompleted, "The import was completed without this checksum. Compare it with the stored object's.", nil)
	case !j.Status.open():
		return j.underWay()
	}
	parts, err := s.Bucket.AllParts(ctx, j.multipart())
	if errors.Is(err, bucket.ErrNotFound) {
		return s.await(ctx, j.Job)
	}
	if err != nil {
		return Job{}, fromStore("complete import "+j.ID, err)
	}
	if err := j.Parts.check(parts, j.Size); err != nil {
		return s.withdraw(ctx, j, err)
	}
	if !j.completing() || wanted.Checksum != j.Checksum {
		wanted.Parts = j.Parts.claim(s.Now())
		if j, err = s.store(ctx, j, wanted); err != nil {
			return Job{}, err
		}
	}
	return s.makeObject(ctx, j, parts)
}

// claim returns p with the record that a server begins to complete the upload at now.
func (p Parts) claim(now time.Time) *Parts {
	p.Completing, p.Failure = now.UTC(), nil
	p.Attempts++
	return &p
}

// release returns p without the claim, and with the reason why the completion failed.
func (p Parts) release(why error) *Parts {
	p.Completing, p.Attempts, p.Failure = time.Time{}, 0, nil
	if e := (*Error)(nil); errors.As(why, &e) {
		p.Failure = &Failure{Code: e.Code, Detail: e.Detail}
	}
	return &p
}

// completeSingle: one request needs no completing, only looking.
func (s *Service) completeSingle(ctx context.Context, j stored, whole *Checksum) (Job, error) {
	if whole != nil {
		return Job{}, invalid([]Field{{Pointer: "/checksum", Detail: "must be declared when an import of one request is created, for its signature to enforce"}})
	}
	job, err := s.reconcile(ctx, j, s.Now())
	switch {
	case err != nil || job.Status == Completed:
		return job, err
	case job.Status.open():
		return Job{}, conflict(CodeUploadMissing, "The object is not there yet. Upload it; completing an import of one request is not needed.", nil)
	}
	return Job{}, over(job.Status)
}

// withChecksum returns j with the checksum of the whole that came with the completion.
func (j Job) withChecksum(whole *Checksum) (Job, error) {
	if whole == nil {
		return j, nil
	}
	fault := func(pointer, detail string, args ...any) (Job, error) {
		return Job{}, invalid([]Field{{Pointer: pointer, Detail: fmt.Sprintf(detail, args...)}})
	}
	switch {
	case j.Checksum != nil && j.Checksum.Algorithm != whole.Algorithm:
		return fault("/checksum/algorithm", "must be %s, as the import declared", j.Checksum.Algorithm)
	case !isCRC(whole.Algorithm):
		return fault("/checksum/algorithm", "must be crc64nvme, crc32c or crc32 in parts, because S3 verifies no other of the whole")
	case !isDigest(whole.Algorithm, whole.Value):
		return fault("/checksum/value", "must be the base64 of %d bytes, as %s has", digestSizes[whole.Algorithm], whole.Algorithm)
	case j.Checksum != nil && j.Checksum.Value == whole.Value:
		return j, nil
	case j.Checksum != nil && j.Checksum.Value != "":
		return fault("/checksum/value", "must be %s, as the import declared", j.Checksum.Value)
	}
	j.Checksum = &Checksum{Algorithm: whole.Algorithm, Value: whole.Value, Late: true}
	return j, nil
}

// withdraw removes the claim to complete j, records why the completion failed, and returns why. It looks for the object
// first: a list of parts made while another server completes or aborts may lack some, and a store may assemble the
// object and answer with an error.
func (s *Service) withdraw(ctx context.Context, j stored, why error) (Job, error) {
	seen, err := s.object(ctx, j.Job)
	if err != nil {
		return Job{}, err
	}
	if seen != nil {
		return s.await(ctx, j.Job)
	}
	if !j.completing() {
		latest, err := s.load(ctx, j.Owner, j.ID)
		if err == nil && latest.etag != j.etag {
			err = fmt.Errorf("complete import %s: %w", j.ID, bucket.ErrChanged)
		}
		return Job{}, cmp.Or(err, why)
	}
	next := j.Job
	next.Parts = j.Parts.release(why)
	if c := j.Checksum; c != nil && c.Late {
		next.Checksum = nil
		if j.Parts.Algorithm != "" {
			next.Checksum = &Checksum{Algorithm: j.Parts.Algorithm}
		}
	}
	_, err = s.store(ctx, j, next)
	return Job{}, cmp.Or(err, why)
}

// makeObject has the store complete j, whose record says so, of parts.
func (s *Service) makeObject(ctx context.Context, j stored, parts []bucket.Part) (Job, error) {
	value := ""
	if j.Checksum != nil {
		value = j.Checksum.Value
	}
	j, err := s.renewing(ctx, j, func() error {
		return s.Bucket.CompleteMultipart(ctx, j.multipart(), parts, value)
	})
	switch {
	case err == nil, errors.Is(err, bucket.ErrNotFound), errors.Is(err, bucket.ErrChanged), errors.Is(err, bucket.ErrBusy):
		return s.await(ctx, j.Job) // made by us, or by another server
	case errors.Is(err, bucket.ErrBadPart):
		return s.partsRefused(ctx, j, parts, err)
	case errors.Is(err, bucket.ErrBadChecksum) && j.Checksum != nil:
		return s.refuseParts(ctx, j)
	}
	failure := fromStore("complete import "+j.ID, err)
	switch {
	case isKind(failure, Unavailable), ctx.Err() != nil:
		return Job{}, failure // the claim stays, and a read or a sweep resumes the completion
	case !isKind(failure, Full):
		failure = completionFailed(failure)
	}
	return s.withdrawFailed(ctx, j, failure)
}

// withdrawFailed is withdraw for a completion that the store failed. If the record changed meanwhile, it does not
// complete again, as its callers would for ErrChanged: a store may copy the whole object each time.
func (s *Service) withdrawFailed(ctx context.Context, j stored, why error) (Job, error) {
	claimed := j.Parts.Completing
	return retry(j.ID, func() (Job, error) {
		job, err := s.withdraw(ctx, j, why)
		if !errors.Is(err, bucket.ErrChanged) {
			return job, err
		}
		latest, err := s.load(ctx, j.Owner, j.ID)
		switch {
		case err != nil:
			return Job{}, err
		case !latest.Status.open():
			return latest.underWay()
		case !latest.completing() || !latest.Parts.Completing.Equal(claimed):
			return Job{}, why // another call has claimed or withdrawn the completion
		}
		j = latest
		return Job{}, fmt.Errorf("complete import %s: %w", j.ID, bucket.ErrChanged)
	})
}

// refuseParts records that j's parts do not make what was declared, and frees them.
func (s *Service) refuseParts(ctx context.Context, j stored) (Job, error) {
	next := j.Job
	next.Status = Failed
	next.Failure = &Failure{Code: ChecksumMismatch, Detail: fmt.Sprintf("declared %s %s, the parts make another", j.Checksum.Algorithm, j.Checksum.Value)}
	if _, err := s.move(ctx, j, next); err != nil {
		return Job{}, err
	}
	return Job{}, checksumMismatch(next.Failure.Detail)
}

// partsRefused: a part was replaced since it was listed, and the completion starts anew; or the store will not have parts that
// fit the plan.
func (s *Service) partsRefused(ctx context.Context, j stored, parts []bucket.Part, why error) (Job, error) {
	again, err := s.Bucket.AllParts(ctx, j.multipart())
	if err == nil && slices.Equal(parts, again) {
		return s.withdraw(ctx, j, conflict(CodePartSizeMismatch, "The store refuses to make an object of these parts, though they fit the plan. It may have lower limits.", nil))
	}
	return Job{}, fmt.Errorf("complete import %s: %w: %w", j.ID, bucket.ErrChanged, why)
}

func checksumMismatch(detail string) *Error {
	return &Error{Kind: Refused, Code: CodeChecksumMismatch, Detail: "The object is not what was declared, and was removed: " + detail + "."}
}
