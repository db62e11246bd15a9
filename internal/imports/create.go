package imports

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/sigv4"
)

// Sign returns the URL of an untracked import. Nothing is recorded, and the signature covers the host only.
func (s *Service) Sign(ctx context.Context, owner string) (sigv4.SecretURL, error) {
	if err := (Request{}).checkLimits(s.Limits); err != nil {
		return sigv4.SecretURL{}, err
	}
	now := s.Now()
	upload := bucket.Upload{Key: objectKey(owner, newID(now)), From: now, Until: now.Add(s.Limits.URLTTL)}
	put, err := s.Bucket.SignPut(ctx, upload)
	return put.URL, fromStore("sign an untracked upload", err)
}

// Create records a new job for r and signs its upload. A retry with the same idempotencyKey returns the job that the
// first call created; "" creates a job each time.
func (s *Service) Create(ctx context.Context, owner string, r Request, idempotencyKey string) (Job, error) {
	if err := checkIdempotencyKey(owner, idempotencyKey); err != nil {
		return Job{}, err
	}
	if err := r.check(s.Limits); err != nil {
		return Job{}, err
	}
	id := newID(s.Now())
	j := r.job(owner, id, s.Limits)
	if j.Mode != Multipart { // parts are signed on request
		// Before the key is claimed, so that the client can correct the request and use the key again.
		if err := s.signUpload(ctx, &j); err != nil {
			return Job{}, err
		}
		if r.ExpiresIn > 0 && j.Upload.ExpiresAt.Before(j.Deadline) {
			return Job{}, expiryUnattainable(j.Upload.ExpiresAt.Sub(s.Now()))
		}
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

// expiryUnattainable returns the error of a requested lifetime that is longer than left, that of the credentials.
func expiryUnattainable(left time.Duration) *Error {
	return refuse(CodeExpiryUnattainable, path{"expires_in"}, "must be at most %d seconds at the moment, "+
		"because the credentials of the service expire then; omit it to use that lifetime", int64(left/time.Second))
}

// repeat returns the job that an earlier call with the same Idempotency-Key created, or creates it if that call stopped
// before it did.
func (s *Service) repeat(ctx context.Context, j Job) (Job, error) {
	first, err := s.Read(ctx, j.Owner, j.ID)
	if isKind(err, NotFound) {
		return s.create(ctx, j)
	}
	return first, err
}

// create creates j's multipart upload and writes its record, in this order: the bucket's lifecycle rule removes an
// upload without a record.
func (s *Service) create(ctx context.Context, j Job) (Job, error) {
	if j.Mode == Multipart {
		if err := s.checkOpenUploads(ctx, j.Owner); err != nil {
			return Job{}, err
		}
		uploadID, err := s.Bucket.CreateMultipart(ctx, j.upload(s.Limits, s.Now()))
		if err != nil {
			return Job{}, fromStore("create import "+j.ID, err)
		}
		j.Parts.UploadID = uploadID
	}
	record, err := j.record()
	if err != nil {
		return Job{}, fmt.Errorf("create import %s: %w", j.ID, err)
	}
	err = s.Bucket.CreateRecord(ctx, recordKey(j.Owner, j.ID), record)
	if errors.Is(err, bucket.ErrChanged) {
		return s.useExisting(ctx, j)
	}
	if err != nil {
		return Job{}, fromStore("create import "+j.ID, err)
	}
	return s.signed(ctx, j)
}

// checkOpenUploads refuses an owner that has as many multipart uploads in progress as this service allows. Concurrent
// calls may exceed the limit by a few, because there is no lock.
func (s *Service) checkOpenUploads(ctx context.Context, owner string) error {
	limit := s.Limits.OpenUploads
	if limit == 0 {
		return nil
	}
	open, _, err := s.Bucket.ListUploads(ctx, objectPrefix(owner), bucket.Multipart{}, limit)
	if err != nil {
		return fromStore("count open uploads", err)
	}
	if len(open) >= limit {
		return refuse(CodeOpenUploads, nil,
			"%d multipart uploads of the caller are in progress, the limit of this service; complete or delete some", len(open))
	}
	return nil
}

// useExisting returns the job whose record exists already: written by this call, if the response of the store was lost,
// or by a concurrent call with the same Idempotency-Key. In that case it aborts the multipart upload of this call.
func (s *Service) useExisting(ctx context.Context, j Job) (Job, error) {
	first, err := s.Read(ctx, j.Owner, j.ID)
	if err == nil && j.Parts != nil && first.Parts != nil && first.Parts.UploadID != j.Parts.UploadID {
		err = fromStore("create import "+j.ID, s.Bucket.AbortMultipart(ctx, j.multipart()))
	}
	return first, err
}
