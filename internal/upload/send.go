package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// payload is the body of one request: a part, or with number 0 a whole file.
type payload struct {
	number int32
	size   int64 // bytes
	// open returns a reader of all bytes. It may be called repeatedly.
	open func() (io.Reader, error)
	// sign returns a signed request. renew is set if the store rejected the previous one.
	sign func(ctx context.Context, renew bool) (signedRequest, error)
}

// send sends p and retries until the store has it. A signed request is reused until the store rejects it.
func (t *transfer) send(ctx context.Context, p payload) (etag string, err error) {
	b := backoff{budget: t.retryBudget, onRetry: func(err error) {
		t.OnEvent(Event{Kind: Retrying, File: t.name, ID: t.id, Part: p.number, Total: t.total, Error: err})
	}}
	var signed signedRequest
	renew, renewed := false, false
	for {
		if etag, err = t.try(ctx, p, &signed, renew); err == nil || ctx.Err() != nil {
			return etag, err
		}
		if changed := t.checkUnchanged(); changed != nil {
			return "", t.requestError(p.number, 1, changed)
		}
		renew = isSignatureExpired(err)
		switch {
		case renew && !renewed: // the signature, or the credentials that made it, expired meanwhile
		case isChecksumMismatch(err) && b.attempts+1 < minAttempts:
		case !isTemporary(err):
			return "", t.requestError(p.number, b.attempts+1, err)
		}
		renewed = renew
		if waitErr := b.wait(ctx, err); waitErr != nil {
			return "", t.requestError(p.number, b.attempts, waitErr)
		}
	}
}

func (t *transfer) requestError(number int32, attempts int, err error) error {
	step := "send"
	if number > 0 {
		step = fmt.Sprintf("part %d", number)
	}
	return &Error{File: t.name, Step: step, Attempts: attempts, Err: err}
}

// try sends p once, within the concurrency limit. A failed attempt subtracts its bytes from the progress.
func (t *transfer) try(ctx context.Context, p payload, signed *signedRequest, renew bool) (etag string, err error) {
	if signed.url == "" || renew {
		if *signed, err = p.sign(ctx, renew); err != nil {
			return "", err
		}
	}
	body, err := p.open()
	if err != nil {
		return "", err
	}
	if err := t.limiter.acquire(ctx); err != nil {
		return "", err
	}
	defer t.limiter.release()
	var sent int64
	report := func(bytes int64) {
		t.OnEvent(Event{Kind: Progress, File: t.name, ID: t.id, Part: p.number, Bytes: bytes, Total: t.total})
	}
	etag, err = t.put(ctx, *signed, body, p.size, func(n int) {
		sent += int64(n)
		report(int64(n))
	})
	if err == nil {
		t.limiter.increase()
		return etag, nil
	}
	if isOverload(err) {
		t.limiter.decrease(time.Now())
	}
	if sent > 0 {
		report(-sent)
	}
	return "", err
}

// isSignatureExpired reports whether the store may accept the request with a new signature.
func isSignatureExpired(err error) bool {
	var e *ResponseError
	if !errors.As(err, &e) || e.Source != FromStore {
		return false
	}
	switch e.Code {
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired": // S3 sends these with status 400
		return true
	}
	return e.Status == http.StatusForbidden
}

// isChecksumMismatch reports whether the store received other bytes than were hashed.
func isChecksumMismatch(err error) bool {
	var e *ResponseError
	return errors.As(err, &e) && e.Source == FromStore &&
		(e.Code == "BadDigest" || e.Code == "XAmzContentChecksumMismatch")
}
