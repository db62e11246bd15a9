package imports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// stored is a job with the ETag of its record: what a conditional write needs.
type stored struct {
	Job
	etag string
}

// load reads a record. An id that we would not make names nothing.
func (s *Service) load(ctx context.Context, owner, id string) (stored, error) {
	if !canonicalID.MatchString(id) {
		return stored{}, notFound(id)
	}
	record, err := s.Bucket.ReadRecord(ctx, recordKey(owner, id))
	if errors.Is(err, bucket.ErrNotFound) {
		return stored{}, notFound(id)
	}
	if err != nil {
		return stored{}, fromStore("read import "+id, err)
	}
	j := stored{etag: record.ETag}
	if err := json.Unmarshal(record.Body, &j.Job); err != nil {
		return stored{}, fmt.Errorf("read import %s: %w", id, err)
	}
	if !j.sound(owner, id) {
		return stored{}, fmt.Errorf("read import %s: its record is not one that this service writes", id)
	}
	return j, nil
}

// store replaces the record of j by next, unless nothing changed: bucket.ErrChanged when another server was quicker.
func (s *Service) store(ctx context.Context, j stored, next Job) (stored, error) {
	if next.same(j.Job) {
		return stored{next, j.etag}, nil
	}
	next, recorded, err := s.publish(ctx, j.Job, next)
	if err != nil {
		return stored{}, err
	}
	body, err := json.Marshal(next)
	if err != nil {
		return stored{}, fmt.Errorf("record import %s: %w", j.ID, err)
	}
	etag, err := s.Bucket.ReplaceRecord(ctx, recordKey(j.Owner, j.ID), j.etag, body)
	if errors.Is(err, bucket.ErrNotFound) {
		return stored{}, notFound(j.ID) // a lifecycle rule removed it in between
	}
	if err != nil {
		return stored{}, fromStore("record import "+j.ID, err)
	}
	recorded()
	s.NotifyWaiters(j.ID)
	return stored{next, etag}, nil
}

// attempts bounds how often a call starts anew because another server wrote first. Each such write moved the job forward,
// which it can do only a few times.
const attempts = 10

// retry calls f until it meets no other server's write.
func retry[T any](id string, f func() (T, error)) (T, error) {
	for range attempts {
		result, err := f()
		if !errors.Is(err, bucket.ErrChanged) {
			return result, err
		}
	}
	var none T
	return none, &Error{Kind: Unavailable, Code: CodeStoreUnavailable, Detail: "The import is changing too fast. Try again.", Cause: fmt.Errorf("import %s: %d conflicts", id, attempts)}
}

// reconciled reads record and bucket until they agree.
func (s *Service) reconciled(ctx context.Context, owner, id string, now time.Time) (Job, error) {
	return retry(id, func() (Job, error) {
		j, err := s.load(ctx, owner, id)
		if err != nil {
			return Job{}, err
		}
		return s.reconcile(ctx, j, now)
	})
}

// reconcile asks the bucket what has become of j, decides, and writes the record if that changed it: bucket.ErrChanged when
// another server was quicker.
func (s *Service) reconcile(ctx context.Context, j stored, now time.Time) (Job, error) {
	seen, err := s.object(ctx, j.Job)
	if err != nil {
		return Job{}, err
	}
	switch { // what is left was under way when the job ended, or its removal was cut short
	case j.unwanted() && seen != nil:
		return j.Job, s.free(ctx, j.Job)
	case j.unwanted():
		return j.Job, s.freeParts(ctx, j.Job)
	}
	next := j.observe(seen, now)
	if next.Status.open() && j.Mode == Multipart {
		return s.reconcileParts(ctx, j, now)
	}
	return s.move(ctx, j, next)
}

// move records that j has become next. Unwanted data is removed after that, so that a server that stops in between leaves a record that
// says so. Expired parts are removed first if the store is too full for the record; an object is not, because another server may have
// completed the import meanwhile. If the store is still full, the job is returned as the bucket shows it, and a later call records it.
func (s *Service) move(ctx context.Context, j stored, next Job) (Job, error) {
	free := func(context.Context, Job) error { return nil }
	if next.Status == Expired && next.unwanted() {
		free = s.freeParts
	}
	moved, err := s.storeOrFree(ctx, j, next, free)
	if isKind(err, Full) {
		return next, nil
	}
	if err != nil {
		return Job{}, err
	}
	if next.Status != j.Status && next.unwanted() {
		return moved.Job, s.free(ctx, next)
	}
	return moved.Job, nil
}

// unwanted reports whether nothing should be left in the store of a job that ended like this. What one request stored stays
// for its owner to look at, though it is not what was declared.
func (j Job) unwanted() bool {
	return j.Status == Aborted || j.Mode == Multipart && (j.Status == Failed || j.Status == Expired)
}

// object looks for j's object: nil where there is none.
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

// free removes whatever the store still holds for j: its parts and its object. It may be repeated.
func (s *Service) free(ctx context.Context, j Job) error {
	if err := s.freeParts(ctx, j); err != nil {
		return err
	}
	if err := s.Bucket.Delete(ctx, j.Key()); err != nil {
		return fromStore("remove the object of "+j.ID, err)
	}
	return nil
}

// freeParts removes j's parts. S3 may keep one that was being sent meanwhile, so this is asked for again at each look.
func (s *Service) freeParts(ctx context.Context, j Job) error {
	if j.Parts == nil {
		return nil
	}
	if err := s.Bucket.AbortMultipart(ctx, j.multipart()); err != nil {
		return fromStore("free the parts of "+j.ID, err)
	}
	return nil
}
