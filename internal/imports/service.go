package imports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/sigv4"
)

// Service creates imports and tells what became of them. The bucket is its only state, so any number of services may share one.
type Service struct {
	Bucket           *bucket.Bucket
	Limits           Limits
	Downloads        bool             // whether completed imports carry a signed download
	AnonymousListing bool             // whether callers nobody knows may list imports
	Now              func() time.Time // time.Now, but for tests
	Publish          Publish          // nil: nobody wants to hear
	Waiters          *Waiters         // nil: nobody can wait
	// CompletionWait is how long a call waits for the store to complete an upload; 0: 20 s, within API Gateway's 29 s.
	CompletionWait time.Duration
}

// Sign returns the URL of a bare upload: nothing is recorded, and the signature covers the host alone.
func (s *Service) Sign(ctx context.Context, owner string) (sigv4.SecretURL, error) {
	if len(s.Limits.ContentTypes) > 0 {
		return sigv4.SecretURL{}, refuse(CodeContentType, "/content_type", "must be given in a JSON body: one of %s", strings.Join(s.Limits.ContentTypes, ", "))
	}
	if s.Limits.MaxSize > 0 {
		return sigv4.SecretURL{}, refuse(CodeSizeRequired, "/size", "must be given in a JSON body, because this service bounds the size of an import at %d bytes", s.Limits.MaxSize)
	}
	now := s.Now()
	id, err := newID(now)
	if err != nil {
		return sigv4.SecretURL{}, fmt.Errorf("make an id: %w", err)
	}
	put, err := s.Bucket.SignPut(ctx, bucket.Upload{Key: objectKey(owner, id), From: now, Until: now.Add(s.Limits.URLTTL)})
	if err != nil {
		return sigv4.SecretURL{}, fromStore("sign a bare upload", err)
	}
	return put.URL, nil
}

// Create records a new job for r and signs its upload. A retry with the same idempotencyKey, where it is not empty, finds the
// job that the first call created.
func (s *Service) Create(ctx context.Context, owner string, r Request, idempotencyKey string) (Job, error) {
	if err := checkIdempotencyKey(owner, idempotencyKey); err != nil {
		return Job{}, err
	}
	if err := r.check(s.Limits); err != nil {
		return Job{}, err
	}
	now := s.Now()
	id, err := newID(now)
	if err != nil {
		return Job{}, fmt.Errorf("make an id: %w", err)
	}
	j := r.job(owner, id, s.Limits)
	if err := s.grant(ctx, &j, r, now); err != nil {
		return Job{}, err // before the key is taken: the caller may mend the request and use it again
	}
	if idempotencyKey != "" {
		first, err := s.claim(ctx, owner, idempotencyKey, claim{ID: id, Fingerprint: r.fingerprint()})
		if err != nil {
			return Job{}, err
		}
		if first != id {
			return s.repeat(ctx, r.job(owner, first, s.Limits))
		}
	}
	return s.create(ctx, j)
}

// grant signs j's upload, if that can be done for as long as r asks.
func (s *Service) grant(ctx context.Context, j *Job, r Request, now time.Time) error {
	if j.Mode == Multipart { // its parts are signed when they are asked for
		return nil
	}
	if err := s.signUpload(ctx, j, now); err != nil {
		return err
	}
	if r.ExpiresIn > 0 && j.Upload.ExpiresAt.Before(j.Deadline) {
		return unattainable(j.Upload.ExpiresAt.Sub(now))
	}
	return nil
}

// repeat finds the job that an earlier call with the same Idempotency-Key created, or creates it, if that call ended before it
// did.
func (s *Service) repeat(ctx context.Context, j Job) (Job, error) {
	first, err := s.Read(ctx, j.Owner, j.ID)
	if isKind(err, NotFound) {
		return s.create(ctx, j)
	}
	return first, err
}

// create begins j's upload and writes its record, in that order: parts that were begun without a record are cleared by the
// bucket's lifecycle rule.
func (s *Service) create(ctx context.Context, j Job) (Job, error) {
	now := s.Now()
	if j.Mode == Multipart {
		if err := s.admit(ctx, j.Owner); err != nil {
			return Job{}, err
		}
		uploadID, err := s.Bucket.CreateMultipart(ctx, j.upload(s.Limits, now))
		if err != nil {
			return Job{}, fromStore("create import "+j.ID, err)
		}
		j.Parts.UploadID = uploadID
	}
	record, err := json.Marshal(j)
	if err != nil {
		return Job{}, fmt.Errorf("create import %s: %w", j.ID, err)
	}
	err = s.Bucket.CreateRecord(ctx, recordKey(j.Owner, j.ID), record)
	if errors.Is(err, bucket.ErrChanged) {
		return s.found(ctx, j) // our own write, its answer lost, or a twin with the same Idempotency-Key
	}
	if err != nil {
		return Job{}, fromStore("create import "+j.ID, err)
	}
	return s.signed(ctx, j, now)
}

// admit refuses an owner who has as many uploads in parts under way as this service allows. Who creates several at once may get a few
// more: the store counts, and nobody locks it.
func (s *Service) admit(ctx context.Context, owner string) error {
	most := s.Limits.OpenUploads
	if most == 0 {
		return nil
	}
	open, err := s.Bucket.CountUploads(ctx, objectPrefix(owner), most)
	if err != nil {
		return fromStore("count open uploads", err)
	}
	if open >= most {
		return refuse(CodeOpenUploads, "", "%d uploads in parts are under way, as many as this service allows; complete or delete some", open)
	}
	return nil
}

// found returns the job whose record was there before ours. If it is a twin's, the parts we began are of no use.
func (s *Service) found(ctx context.Context, j Job) (Job, error) {
	first, err := s.Read(ctx, j.Owner, j.ID)
	if err == nil && j.Parts != nil && first.Parts != nil && first.Parts.UploadID != j.Parts.UploadID {
		err = fromStore("create import "+j.ID, s.Bucket.AbortMultipart(ctx, j.multipart()))
	}
	return first, err
}

// unattainable is a life that the credentials cannot give.
func unattainable(left time.Duration) *Error {
	return refuse(CodeExpiryUnattainable, "/expires_in", "must be at most %d at the moment, because the credentials that sign end then; leave it out to take what there is", int64(left/time.Second))
}

// Read returns the job as the bucket shows it now, and records what it finds.
func (s *Service) Read(ctx context.Context, owner, id string) (Job, error) {
	now := s.Now()
	job, err := s.reconciled(ctx, owner, id, now)
	if err != nil {
		return Job{}, err
	}
	return s.signed(ctx, job, now)
}

// signed gives job the signed request that its state calls for, unless it has it.
func (s *Service) signed(ctx context.Context, job Job, now time.Time) (Job, error) {
	var err error
	switch {
	case job.Upload != nil:
	case job.Status.open() && job.overdue(now): // created by a repeated call that came late
		job.Status = Expired
	case job.Status == AwaitingUpload && job.Mode != Multipart:
		err = s.signUpload(ctx, &job, now)
	case job.Status == Completed && s.Downloads:
		err = s.signDownload(ctx, &job, now)
	}
	return job, err
}

// signUpload gives an awaited job the request that uploads it, good until its deadline or for as long as the credentials are.
func (s *Service) signUpload(ctx context.Context, j *Job, now time.Time) error {
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

// signDownload gives a completed job the request that downloads it, always as a file to be saved: what was uploaded never
// runs as a page of the store's origin.
func (s *Service) signDownload(ctx context.Context, j *Job, now time.Time) error {
	name := j.Filename
	if name == "" {
		name = j.ID
	}
	request, err := s.Bucket.SignGet(ctx, j.Key(), attachment(name), now, now.Add(s.Limits.URLTTL))
	if err != nil {
		return fromStore("sign download of "+j.ID, err)
	}
	j.Download = &request
	return nil
}
