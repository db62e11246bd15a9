// Package imports is the domain: imports, their statuses and limits, and the Service that creates, reads, completes,
// lists and deletes them. It does not depend on HTTP, and uses S3 only through package bucket.
//
// Its four concerns are in files of their own: the state machine in transitions.go, persistence in record.go and
// idempotency.go, long polling in waiters.go, and maintenance in maintenance.go. reconcile.go connects them: it
// compares record and bucket each time an import is read.
package imports

import (
	"cmp"
	"context"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// Service creates and reads imports. All its state is in the bucket, so any number of servers may share one.
type Service struct {
	Bucket           *bucket.Bucket
	Limits           Limits
	Downloads        bool             // add a signed download to completed imports
	AnonymousListing bool             // allow anonymous clients to list imports
	Now              func() time.Time // the clock
	Publish          Publish          // publishes events; nil: there are no receivers
	Waiters          *Waiters         // the calls of Wait; nil: Wait returns at once
	// CompletionWait is how long a call waits until the store has completed an upload. 0: 20 s, below the 29 s of
	// API Gateway.
	CompletionWait time.Duration
}

// Read returns the job as the bucket shows it now, and updates its record.
func (s *Service) Read(ctx context.Context, owner, id string) (Job, error) {
	job, err := s.inspect(ctx, owner, id)
	if err != nil {
		return Job{}, err
	}
	return s.signed(ctx, job)
}

// signed returns job with the signed request for its status, unless it has one.
func (s *Service) signed(ctx context.Context, job Job) (Job, error) {
	var err error
	switch {
	case job.Upload != nil:
	case job.Status.open() && job.overdue(s.Now()): // created by a late retry with the same Idempotency-Key
		job.Status = Expired
	case job.Status == AwaitingUpload && job.Mode != Multipart:
		err = s.signUpload(ctx, &job)
	case job.Status == Completed && s.Downloads:
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
