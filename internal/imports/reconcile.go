package imports

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// stalledPolicy is what reconcile does with a completion whose server stopped.
type stalledPolicy int

const (
	resumeStalled stalledPolicy = iota
	leaveStalled
)

// inspect reads the record and then the bucket, updates the record until both agree, and resumes a stalled completion.
func (s *Service) inspect(ctx context.Context, owner, id string) (Job, error) {
	return s.update(ctx, owner, id, func(j Job) (Job, error) { return s.reconcile(ctx, j, resumeStalled) })
}

// inspectAtOnce is inspect for imports that have probably not changed. It reads record and object at the same time: on
// a distant store, that takes half of the time. The object may have been read before the record's last change, so it
// can only confirm the record. If it does not, the object is read again.
func (s *Service) inspectAtOnce(ctx context.Context, owner, id string) (Job, error) {
	if !isCanonicalID(id) {
		return Job{}, notFound(id)
	}
	var early errgroup.Group
	var object *bucket.Object
	early.Go(func() (err error) {
		object, err = s.object(ctx, Job{ID: id, Owner: owner})
		return err
	})
	defer func() { _ = early.Wait() }()
	return s.update(ctx, owner, id, func(j Job) (Job, error) {
		if early.Wait() == nil && j.confirmedBy(object, s.Now()) {
			return s.reconcileWith(ctx, j, object, resumeStalled)
		}
		return s.reconcile(ctx, j, resumeStalled)
	})
}

// confirmedBy reports whether j agrees with the store's object o, nil if there is none, and no data is to be removed.
func (j Job) confirmedBy(o *bucket.Object, now time.Time) bool {
	next := j.observe(o, now)
	return next.sameRecord(j) && !next.ObjectDeleted && !j.discarded()
}

// reconcile inspects j's object and parts and updates the record if they changed the job. It returns bucket.ErrChanged
// if another server replaced the record meanwhile.
func (s *Service) reconcile(ctx context.Context, j Job, policy stalledPolicy) (Job, error) {
	object, err := s.object(ctx, j)
	if err != nil {
		return Job{}, err
	}
	return s.reconcileWith(ctx, j, object, policy)
}

// reconcileWith is reconcile with the object of j that the store has, nil if there is none.
func (s *Service) reconcileWith(ctx context.Context, j Job, object *bucket.Object, policy stalledPolicy) (Job, error) {
	switch { // data arrived after the job became terminal, or its removal was interrupted
	case j.discarded() && object != nil:
		return j, s.removeData(ctx, j)
	case j.discarded():
		return j, s.abortUpload(ctx, j)
	}
	next := j.observe(object, s.Now())
	if next.Status.open() && j.Mode == Multipart {
		return s.reconcileParts(ctx, j, policy)
	}
	return s.transition(ctx, j, next)
}

// reconcileParts inspects the parts of an open job.
func (s *Service) reconcileParts(ctx context.Context, j Job, policy stalledPolicy) (Job, error) {
	parts, err := s.Bucket.AllParts(ctx, j.multipart())
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return s.resolveMissingUpload(ctx, j)
	case err != nil:
		return Job{}, fromStore("read import "+j.ID, err)
	case policy == resumeStalled && j.unrenewed(s.Now(), s.completionWait()): // a running server would have renewed it
		return s.resume(ctx, j, parts)
	}
	return j.withParts(parts), nil
}

// lostAfter is how long a completion may have neither an upload nor an object before it is considered lost.
const lostAfter = time.Hour

// resolveMissingUpload decides about a job for which the store has no multipart upload. While the upload is completed,
// the store may for a moment show neither the upload nor the object.
func (s *Service) resolveMissingUpload(ctx context.Context, j Job) (Job, error) {
	object, err := s.object(ctx, j) // it may exist since the first request
	switch {
	case err != nil:
		return Job{}, err
	case object != nil:
		return s.transition(ctx, j, j.observe(object, s.Now()))
	case j.completing() && !j.unrenewed(s.Now(), lostAfter):
		return j.completionResult()
	}
	const detail = "the store has neither the upload nor the object; a lifecycle rule, another client, or the store's " +
		"own limit for incomplete uploads, such as 24 hours of MinIO, removed it"
	return s.transition(ctx, j, j.failed(CodeUploadLost, detail))
}

// transition records that j has become next. The data of a discarded job is removed after that: if the server stops in
// between, the record says that the data must go. Expired parts are removed first if the store is too full for the
// record; an object is not, because another server may have completed the import meanwhile. If the store is still full,
// transition returns next unrecorded, and a later call records it.
func (s *Service) transition(ctx context.Context, j, next Job) (Job, error) {
	free := func(context.Context, Job) error { return nil }
	if next.Status == Expired && next.discarded() {
		free = s.abortUpload
	}
	written, err := s.storeOrFree(ctx, j, next, free)
	if isKind(err, Full) {
		return next, nil
	}
	if err != nil {
		return Job{}, err
	}
	if next.Status != j.Status && next.discarded() {
		return written, s.removeData(ctx, next)
	}
	return written, nil
}

// object returns j's object, nil if it does not exist.
func (s *Service) object(ctx context.Context, j Job) (*bucket.Object, error) {
	object, err := s.Bucket.Head(ctx, j.Key())
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fromStore("read import "+j.ID, err)
	}
	return &object, nil
}

// removeData removes j's parts and object. It may be repeated.
func (s *Service) removeData(ctx context.Context, j Job) error {
	if err := s.abortUpload(ctx, j); err != nil {
		return err
	}
	return fromStore("remove the object of "+j.ID, s.Bucket.Delete(ctx, j.Key()))
}

// abortUpload aborts j's multipart upload. S3 may keep a part that was in transfer, so reads and
// sweeps repeat it.
func (s *Service) abortUpload(ctx context.Context, j Job) error {
	if j.Parts == nil {
		return nil
	}
	return fromStore("abort the upload of "+j.ID, s.Bucket.AbortMultipart(ctx, j.multipart()))
}
