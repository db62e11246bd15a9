package upload

import (
	"context"
	"errors"
)

// Retry calls request until it succeeds, with the delays and the budget of a part. It returns the last error, or the
// cause if ctx ended. It does not retry a PermanentError. onRetry receives each error that is followed by another
// attempt. renew is set if the store rejected the signature of the attempt before.
func Retry(ctx context.Context, onRetry func(error), request func(renew bool) error) (attempts int, err error) {
	renew := false
	r := retrier{baseDelay: baseDelay, budget: partRetryBudget, onRetry: onRetry}
	r.retryable = func(err error, _ int) bool {
		renewed := renew
		renew = isSignatureExpired(err)
		return renew && !renewed || isTemporary(err) && !errors.As(err, new(PermanentError))
	}
	return r.do(ctx, func() error { return request(renew) })
}

// PermanentError is an error after which Retry does not call again.
type PermanentError struct{ Err error }

func (e PermanentError) Error() string { return e.Err.Error() }
func (e PermanentError) Unwrap() error { return e.Err }

// IsCRC reports whether the checksums of parts can be combined.
func (a Algorithm) IsCRC() bool { return polynomials[a] != 0 }
