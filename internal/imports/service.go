// Package imports is the domain: imports, their statuses and limits, and the Service that creates, reads, completes,
// lists and deletes them. It does not depend on HTTP, and uses S3 only through package bucket.
//
// Its four concerns are in files of their own: the state machine in transitions.go, persistence in record.go and
// idempotency.go, long polling in waiters.go, and maintenance in maintenance.go. reconcile.go connects them: it
// compares record and bucket each time an import is read.
package imports

import (
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
	job, err := s.inspectAtOnce(ctx, owner, id)
	if err != nil {
		return Job{}, err
	}
	return s.signed(ctx, job)
}
