package bucket

import (
	"context"
	"time"
)

// Hooks are callbacks for metrics and traces. They are called concurrently and must return quickly; each may be nil.
type Hooks struct {
	// OnCall receives each call to the store when it ends: its context, S3's name of the operation, the outcome, and the
	// duration including retries.
	//
	// Outcomes are ok, not-found, changed, forbidden, unavailable, not-completed, full, busy, bad-part, bad-checksum and
	// credentials, after the errors of this package; cut, if the circuit breaker was open; cancelled, by the caller; and
	// error, a bug.
	OnCall func(ctx context.Context, operation, outcome string, took time.Duration)
	// OnSigned receives the number of URLs that were just signed.
	OnSigned func(n int)
}

func (h Hooks) called(ctx context.Context, operation string, err error, took time.Duration) {
	if h.OnCall != nil {
		h.OnCall(ctx, operation, outcome(err), took)
	}
}

func (h Hooks) signed(n int) {
	if h.OnSigned != nil {
		h.OnSigned(n)
	}
}
