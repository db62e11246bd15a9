package upload

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

const (
	baseDelay = 200 * time.Millisecond
	maxDelay  = 20 * time.Second
	// minAttempts applies even when the budget is spent: a part may have 5 GiB, and the connection be slow.
	minAttempts = 5
)

// maxRetryAfter bounds the delay of a Retry-After header.
const maxRetryAfter = 24 * time.Hour

// backoff waits between attempts, until its budget is spent; the budget begins with the first failure. Delays are
// random and double on average (full jitter):
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
type backoff struct {
	budget time.Duration
	// onRetry receives each error that is followed by another attempt.
	onRetry  func(error)
	attempts int
	deadline time.Time
}

// wait returns nil when to try again after err, or an error if there is no further attempt.
func (b *backoff) wait(ctx context.Context, err error) error {
	if b.attempts++; b.attempts == 1 {
		b.deadline = time.Now().Add(b.budget)
	}
	delay := time.Duration(rand.Int64N(int64(min(maxDelay, baseDelay<<min(b.attempts-1, 10)))))
	var e *ResponseError
	if errors.As(err, &e) {
		delay = max(delay, e.RetryAfter)
	}
	if time.Now().Add(delay).After(b.deadline) && (b.attempts >= minAttempts || delay > maxDelay) {
		return err
	}
	if ctx.Err() == nil {
		b.onRetry(err)
	}
	return sleep(ctx, delay)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// isTemporary reports whether another attempt may succeed: there was no response, an incomplete one, or a temporary
// error.
func isTemporary(err error) bool {
	var e *ResponseError
	if errors.As(err, &e) {
		switch e.Status {
		case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
			http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		switch e.Code { // S3 sends these with status 400 and 409
		case "RequestTimeout", "IncompleteBody", "ConditionalRequestConflict", "OperationAborted":
			return true
		}
		return false
	}
	for _, permanent := range []error{
		context.Canceled, ErrChanged, errInvalidResponse, errNotOpen, errNotModified,
	} {
		if errors.Is(err, permanent) {
			return false
		}
	}
	var certificate *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	var unsafe *UnsafeRequestError
	return !errors.As(err, &certificate) && !errors.As(err, &noTLS) && !errors.As(err, &unsafe)
}

// isOverload reports whether fewer concurrent requests may help.
func isOverload(err error) bool {
	var e *ResponseError
	if !errors.As(err, &e) {
		var timeout net.Error
		return errors.Is(err, errStalled) || errors.As(err, &timeout) && timeout.Timeout()
	}
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return e.Code == "SlowDown" || e.Code == "RequestTimeout"
}
