package upload

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

const (
	baseDelay = 200 * time.Millisecond
	maxDelay  = 20 * time.Second
	// minAttempts applies even when the budget is spent: a part may have 5 GiB, and the connection be slow.
	minAttempts = 5
	// maxRetryAfter bounds the delay of a Retry-After header.
	maxRetryAfter = 24 * time.Hour
)

// retrier repeats failed requests until its budget is spent. The budget begins with the first failure.
type retrier struct {
	// baseDelay is the longest delay after the first attempt.
	baseDelay time.Duration
	budget    time.Duration
	// onRetry receives each error that is followed by another attempt.
	onRetry func(error)
	// retryable reports whether the request is repeated after err, the error of this attempt.
	retryable func(err error, attempt int) bool
}

// do calls request until it succeeds. Otherwise it returns the last error, or the cause if ctx ended. Delays are random
// and double on average (full jitter): https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
func (r retrier) do(ctx context.Context, request func() error) (attempts int, err error) {
	var deadline time.Time
	for attempts = 1; ; attempts++ {
		err = request()
		switch {
		case err == nil:
			return attempts, nil
		case ctx.Err() != nil:
			return attempts, context.Cause(ctx)
		case !r.retryable(err, attempts):
			return attempts, err
		}
		if attempts == 1 {
			deadline = time.Now().Add(r.budget)
		}
		delay := time.Duration(rand.Int64N(int64(min(maxDelay, r.baseDelay<<min(attempts-1, 10)))))
		var e *ResponseError
		if errors.As(err, &e) {
			delay = max(delay, e.RetryAfter)
		}
		if time.Now().Add(delay).After(deadline) && (attempts >= minAttempts || delay > maxDelay) {
			return attempts, err
		}
		r.onRetry(err)
		if err := sleep(ctx, delay); err != nil {
			return attempts, err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
