package upload

import "context"

// Retry calls request until it succeeds, with the delays and the budget of a part. It returns the last error, or the
// cause if ctx ended. onRetry receives each error that is followed by another attempt. renew is set if the store
// rejected the signature of the attempt before.
func Retry(ctx context.Context, onRetry func(error), request func(renew bool) error) (attempts int, err error) {
	renew := false
	r := retrier{baseDelay: baseDelay, budget: partRetryBudget, onRetry: onRetry}
	r.retryable = func(err error, _ int) bool {
		renewed := renew
		renew = isSignatureExpired(err)
		return renew && !renewed || isTemporary(err)
	}
	return r.do(ctx, func() error { return request(renew) })
}

// IsCRC reports whether the checksums of parts can be combined.
func (a Algorithm) IsCRC() bool { return polynomials[a] != 0 }
