package imports

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

const (
	// standardPatience leaves API Gateway, which gives up after 29 s, time for everything else.
	standardPatience = 20 * time.Second
	// completionLimit ends a completion that nobody waits for any more. S3 takes minutes for thousands of parts.
	completionLimit = 10 * time.Minute
	// lostAfter is how long after a completion began, with neither parts nor object to be seen, it is given up for lost.
	lostAfter = time.Hour
	// glance is how often a completion that another server makes is looked for.
	glance = 100 * time.Millisecond
)

func (s *Service) patience() time.Duration {
	if s.Patience > 0 {
		return s.Patience
	}
	return standardPatience
}

// Complete makes the object of a job's parts, and returns the completed job. Whole, where it is not nil, is the checksum of the
// whole. If the store takes longer than s.Patience, the job returned is still Uploading: the store goes on, and so does the next
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
	select {
	case o := <-done:
		return o.job, o.err
	case <-time.After(s.patience()):
		j, err := s.load(ctx, owner, id)
		if err != nil {
			return Job{}, err
		}
		return j.underWay()
	}
}

// underWay is the answer to who waits for j: completed, still at it, or over.
func (j Job) underWay() (Job, error) {
	switch {
	case j.Status == Completed:
		return j, nil
	case j.Status.open():
		j.Status = Uploading
		return j, nil
	case j.Status == Failed && j.Failure.Code == ChecksumMismatch:
		return Job{}, checksumMismatch(j.Failure.Detail)
	}
	return Job{}, over(j.Status)
}

func (s *Service) complete(ctx context.Context, j stored, whole *Checksum) (Job, error) {
	switch {
	case j.Mode != Multipart:
		return s.completeSingle(ctx, j)
	case !j.Status.open():
		return j.underWay()
	case !j.completing() && !s.Now().Before(j.Deadline):
		return Job{}, over(Expired)
	}
	wanted, err := j.withChecksum(whole)
	if err != nil {
		return Job{}, err
	}
	parts, err := s.Bucket.AllParts(ctx, j.multipart())
	if errors.Is(err, bucket.ErrNotFound) {
		return s.await(ctx, j.Job)
	}
	if err != nil {
		return Job{}, fromStore("complete import "+j.ID, err)
	}
	if err := j.Parts.check(parts, j.Size); err != nil {
		return Job{}, s.withdraw(ctx, j, err)
	}
	if !j.completing() || wanted.Checksum != j.Checksum {
		wanted.Parts = j.Parts.completingAt(s.Now())
		if j, err = s.store(ctx, j, wanted); err != nil {
			return Job{}, err
		}
	}
	return s.makeObject(ctx, j, parts)
}

// completingAt returns p with the word that a server sets out at now to complete it; zero takes that back.
func (p Parts) completingAt(now time.Time) *Parts {
	p.Completing = now.UTC()
	return &p
}

// completeSingle: one request needs no completing, only looking.
func (s *Service) completeSingle(ctx context.Context, j stored) (Job, error) {
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
		return Job{}, invalid([]Field{{pointer, fmt.Sprintf(detail, args...)}})
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
	j.Checksum = &Checksum{Algorithm: whole.Algorithm, Value: whole.Value}
	return j, nil
}

// withdraw takes back the record's word that j is being completed, since its parts do not allow it, and returns why.
func (s *Service) withdraw(ctx context.Context, j stored, why error) error {
	if !j.completing() {
		return why
	}
	next := j.Job
	next.Parts = j.Parts.completingAt(time.Time{})
	if _, err := s.store(ctx, j, next); err != nil {
		return err
	}
	return why
}

// makeObject has the store complete j, whose record says so, of parts.
func (s *Service) makeObject(ctx context.Context, j stored, parts []bucket.Part) (Job, error) {
	value := ""
	if j.Checksum != nil {
		value = j.Checksum.Value
	}
	err := s.Bucket.CompleteMultipart(ctx, j.multipart(), parts, value)
	switch {
	case err == nil, errors.Is(err, bucket.ErrNotFound), errors.Is(err, bucket.ErrChanged):
		return s.await(ctx, j.Job) // made by us, or by another server
	case errors.Is(err, bucket.ErrBadPart): // one was replaced: look again
		return Job{}, fmt.Errorf("complete import %s: %w: %w", j.ID, bucket.ErrChanged, err)
	case errors.Is(err, bucket.ErrBadChecksum):
		return s.refuseParts(ctx, j)
	}
	return Job{}, fromStore("complete import "+j.ID, err)
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
			return Job{}, s.withdraw(ctx, j, err)
		}
		next := j.Job
		next.Parts = j.Parts.completingAt(s.Now()) // so that other readers leave it to this one
		j, err := s.store(ctx, j, next)
		if err != nil {
			return Job{}, err
		}
		return s.makeObject(ctx, j, parts)
	})
	var why *Error
	if errors.As(err, &why) && why.Kind != Unavailable {
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
		j.Status = Uploading
		return j.Job, nil
	}
	if seen == nil {
		return s.lose(ctx, j)
	}
	next := j.observe(seen, now)
	_, err = s.store(ctx, j, next)
	return next, err
}

// lose records that nothing is left of j's upload: a lifecycle rule, or somebody with the store's own keys, removed it.
func (s *Service) lose(ctx context.Context, j stored) (Job, error) {
	next := j.Job
	next.Status, next.Failure = Failed, &Failure{Code: UploadLost, Detail: "the store has no trace of the upload; it was removed behind the service's back"}
	_, err := s.store(ctx, j, next)
	return next, err
}

// refuseParts records that j's parts do not make what was declared, and frees them.
func (s *Service) refuseParts(ctx context.Context, j stored) (Job, error) {
	next := j.Job
	next.Status = Failed
	next.Failure = &Failure{Code: ChecksumMismatch, Detail: fmt.Sprintf("declared %s %s, the parts make another", j.Checksum.Algorithm, j.Checksum.Value)}
	if _, err := s.store(ctx, j, next); err != nil {
		return Job{}, err
	}
	if err := s.free(ctx, next); err != nil {
		return Job{}, err
	}
	return Job{}, checksumMismatch(next.Failure.Detail)
}

func checksumMismatch(detail string) *Error {
	return &Error{Kind: Refused, Code: CodeChecksumMismatch, Detail: "The object is not what was declared, and was removed: " + detail + "."}
}
