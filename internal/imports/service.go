package imports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/sigv4"
)

// Public is the owner of imports whose caller is not known.
const Public = "public"

// Service creates imports and tells what became of them. The bucket is its only state, so any number of services may share one.
type Service struct {
	Bucket *bucket.Bucket
	Limits Limits
	Now    func() time.Time
}

// Sign returns the URL of a bare upload: nothing is recorded, and the signature covers the host alone.
func (s *Service) Sign(ctx context.Context, owner string) (sigv4.SecretURL, error) {
	if s.Limits.MaxSize > 0 {
		return sigv4.SecretURL{}, refuse(CodeSizeRequired, "/size", "must be given in a JSON body, because this service bounds the size of an import at %d bytes", s.Limits.MaxSize)
	}
	id, err := newID()
	if err != nil {
		return sigv4.SecretURL{}, fmt.Errorf("make an id: %w", err)
	}
	now := s.Now()
	put, err := s.Bucket.SignPut(ctx, bucket.Upload{Key: objectKey(owner, id), From: now, Until: now.Add(s.Limits.URLTTL)})
	if err != nil {
		return sigv4.SecretURL{}, fromStore("sign a bare upload", err)
	}
	return put.URL, nil
}

// Create records a new job for r and signs its upload. A retry with the same idempotencyKey, where it is not empty, finds the
// job that the first call created.
func (s *Service) Create(ctx context.Context, owner string, r Request, idempotencyKey string) (Job, error) {
	if err := r.check(s.Limits); err != nil {
		return Job{}, err
	}
	id, err := newID()
	if err != nil {
		return Job{}, fmt.Errorf("make an id: %w", err)
	}
	if idempotencyKey == "" {
		return s.create(ctx, r.job(owner, id, s.Limits), r)
	}
	first, err := s.claim(ctx, owner, idempotencyKey, claim{ID: id, Fingerprint: r.fingerprint()})
	if err != nil {
		return Job{}, err
	}
	if first == id {
		return s.create(ctx, r.job(owner, id, s.Limits), r)
	}
	job, err := s.Read(ctx, owner, first)
	if e := (*Error)(nil); errors.As(err, &e) && e.Kind == NotFound {
		return s.create(ctx, r.job(owner, first, s.Limits), r) // the first call ended between claim and record
	}
	return job, err
}

// create signs j's upload and writes its record, in that order: what cannot be signed leaves no trace.
func (s *Service) create(ctx context.Context, j Job, r Request) (Job, error) {
	now := s.Now()
	if err := s.sign(ctx, &j, now); err != nil {
		return Job{}, err
	}
	if r.ExpiresIn > 0 && j.Upload.ExpiresAt.Before(j.Deadline) {
		left := j.Upload.ExpiresAt.Sub(now)
		return Job{}, refuse(CodeExpiryUnattainable, "/expires_in", "must be at most %d at the moment, because the credentials that sign end then; leave it out to take what there is", int64(left/time.Second))
	}
	record, err := json.Marshal(j)
	if err != nil {
		return Job{}, fmt.Errorf("create import %s: %w", j.ID, err)
	}
	err = s.Bucket.CreateRecord(ctx, recordKey(j.Owner, j.ID), record)
	if errors.Is(err, bucket.ErrChanged) {
		return s.Read(ctx, j.Owner, j.ID) // our own write, its answer lost, or a twin with the same Idempotency-Key
	}
	if err != nil {
		return Job{}, fromStore("create import "+j.ID, err)
	}
	return j, nil
}

// readAttempts bounds how often a read starts anew because another server wrote first. Each such write moved the job forward,
// which it can do only a few times.
const readAttempts = 5

// Read returns the job as the bucket shows it now, and records what it finds.
func (s *Service) Read(ctx context.Context, owner, id string) (Job, error) {
	if !canonicalID.MatchString(id) {
		return Job{}, notFound(id)
	}
	for range readAttempts {
		now := s.Now()
		job, err := s.reconcile(ctx, owner, id, now)
		if errors.Is(err, bucket.ErrChanged) {
			continue
		}
		if err != nil {
			return Job{}, err
		}
		if job.Status == AwaitingUpload {
			err = s.sign(ctx, &job, now)
		}
		return job, err
	}
	return Job{}, &Error{Kind: Unavailable, Code: CodeStoreUnavailable, Detail: "The import is changing too fast to be read. Try again.", Cause: fmt.Errorf("read import %s: %d conflicts", id, readAttempts)}
}

// reconcile reads record and object, decides, and writes the record if that changed it: bucket.ErrChanged when another server
// was quicker.
func (s *Service) reconcile(ctx context.Context, owner, id string, now time.Time) (Job, error) {
	key := recordKey(owner, id)
	record, err := s.Bucket.ReadRecord(ctx, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return Job{}, notFound(id)
	}
	if err != nil {
		return Job{}, fromStore("read import "+id, err)
	}
	var job Job
	if err := json.Unmarshal(record.Body, &job); err != nil {
		return Job{}, fmt.Errorf("read import %s: %w", id, err)
	}
	var seen *bucket.Object
	switch object, err := s.Bucket.Head(ctx, job.Key()); {
	case err == nil:
		seen = &object
	case !errors.Is(err, bucket.ErrNotFound):
		return Job{}, fromStore("read import "+id, err)
	}
	next := job.observe(seen, now)
	if next.same(job) {
		return job, nil
	}
	body, err := json.Marshal(next)
	if err != nil {
		return Job{}, fmt.Errorf("read import %s: %w", id, err)
	}
	if err := s.Bucket.ReplaceRecord(ctx, key, record.ETag, body); err != nil {
		return Job{}, fromStore("record import "+id, err)
	}
	return next, nil
}

// sign gives an awaited job the request that uploads it, good until its deadline or for as long as the credentials are.
func (s *Service) sign(ctx context.Context, j *Job, now time.Time) error {
	sign := s.Bucket.SignPut
	if j.Mode == Form {
		sign = s.Bucket.SignForm
	}
	request, err := sign(ctx, j.upload(s.Limits, now))
	if err != nil {
		return fromStore("sign import "+j.ID, err)
	}
	j.Upload = &request
	return nil
}
