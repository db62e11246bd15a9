package imports

import (
	"cmp"
	"context"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/s3limits"
)

// This file signs: it converts a job to the requests that a client sends to the store.

// signed returns job with the signed request for its status, unless it has one.
func (s *Service) signed(ctx context.Context, job Job) (Job, error) {
	var err error
	switch {
	case job.Upload != nil:
	case job.Status.open() && job.overdue(s.Now()): // created by a late retry with the same Idempotency-Key
		job.Status = Expired
	case job.Status == AwaitingUpload && job.Mode != Multipart:
		err = s.signUpload(ctx, &job)
	case job.Status == Completed && !job.ObjectDeleted && s.Downloads:
		err = s.signDownload(ctx, &job)
	}
	return job, err
}

// signUpload adds the request that uploads j's file. It expires at j's deadline, or earlier with the credentials.
func (s *Service) signUpload(ctx context.Context, j *Job) error {
	sign := s.Bucket.SignPut
	if j.Mode == Form {
		sign = s.Bucket.SignForm
	}
	request, err := sign(ctx, j.upload(s.Limits, s.Now()))
	j.Upload = &request
	return fromStore("sign import "+j.ID, err)
}

// signDownload adds the request that downloads j's object. Browsers save it as a file: an uploaded page must never run
// with the store's origin.
func (s *Service) signDownload(ctx context.Context, j *Job) error {
	now := s.Now()
	name := attachment(cmp.Or(j.Filename, j.ID))
	request, err := s.Bucket.SignGet(ctx, j.Key(), name, now, now.Add(s.Limits.URLTTL))
	j.Download = &request
	return fromStore("sign download of "+j.ID, err)
}

// upload describes the request that stores j's object, signed at now.
func (j Job) upload(l Limits, now time.Time) bucket.Upload {
	u := bucket.Upload{
		Key: j.Key(), ContentType: j.ContentType, Metadata: j.Metadata, WriteOnce: j.WriteOnce,
		Size: j.Size, MaxSize: min(cmp.Or(l.MaxSize, s3limits.MaxPutSize), s3limits.MaxPutSize),
		From: now, Until: j.Deadline,
	}
	if j.Filename != "" {
		u.ContentDisposition = attachment(j.Filename)
	}
	if j.Checksum != nil {
		u.Checksum = bucket.Checksum{Algorithm: j.Checksum.Algorithm, Value: j.Checksum.Value}
	}
	return u
}
