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

// maxRetryAfter limits the wait that a response asks for in Retry-After.
const maxRetryAfter = 24 * time.Hour

const (
	firstWait = 200 * time.Millisecond
	longest   = 20 * time.Second
	// least is how many attempts there are, however long each takes: a part may be 5 GiB, and the line slow.
	least = 5
)

// patience is for how long one thing is tried that keeps failing, from its first failure on. Each attempt is followed by a wait of
// random length, which on average doubles: full jitter,
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
type patience struct {
	budget   time.Duration
	retrying func(error) // receives the errors that another attempt follows
	attempts int
	until    time.Time
}

// wait returns when to try again what failed with err, or err where that would be too late.
func (p *patience) wait(ctx context.Context, err error) error {
	if p.attempts++; p.attempts == 1 {
		p.until = time.Now().Add(p.budget)
	}
	length := time.Duration(rand.Int64N(int64(min(longest, firstWait<<min(p.attempts-1, 10)))))
	var said *Refusal
	if errors.As(err, &said) {
		length = max(length, said.After)
	}
	if time.Now().Add(length).After(p.until) && (p.attempts >= least || length > longest) {
		return err
	}
	if ctx.Err() == nil {
		p.retrying(err)
	}
	return pause(ctx, length)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// temporary reports whether what failed may succeed when tried again: no answer, an answer cut short, or one that says so.
func temporary(err error) bool {
	var said *Refusal
	if errors.As(err, &said) {
		switch said.Status {
		case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		switch said.Code { // of S3, with 400 and 409
		case "RequestTimeout", "IncompleteBody", "ConditionalRequestConflict", "OperationAborted":
			return true
		}
		return false
	}
	var stranger *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	var unsafe *UnsafeRequestError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, ErrChanged), errors.Is(err, errBadAnswer), errors.Is(err, errOver), errors.Is(err, errUnchanged),
		errors.As(err, &stranger), errors.As(err, &noTLS), errors.As(err, &unsafe):
		return false
	}
	return true
}

// overloaded reports whether fewer requests at a time would help.
func overloaded(err error) bool {
	var said *Refusal
	if !errors.As(err, &said) {
		var late net.Error
		return errors.Is(err, errStalled) || errors.As(err, &late) && late.Timeout()
	}
	switch said.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return said.Code == "SlowDown" || said.Code == "RequestTimeout"
}
