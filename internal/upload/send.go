package upload

import (
	"cmp"
	"context"
	"fmt"
	"time"
)

// part is the body of one request: a part of a multipart upload, or with number 0 a whole file.
type part struct {
	number int32
	section
	// sign returns a signed request. renew is set if the store rejected the previous one.
	sign func(ctx context.Context, renew bool) (signedRequest, error)
}

// send sends p and retries until the store has it. A signed request is reused until the store rejects it.
func (t *transfer) send(ctx context.Context, p part) (etag string, err error) {
	var signed signedRequest
	renew := false
	r := t.retry
	r.onRetry = func(err error) { t.emit(Event{Kind: Retrying, Part: p.number, Error: err}) }
	r.retryable = func(err error, attempt int) bool {
		renewed := renew
		renew = isSignatureExpired(err)
		return renew && !renewed || isChecksumMismatch(err) && attempt < minAttempts || isTemporary(err)
	}
	attempts, err := r.do(ctx, func() (err error) {
		if signed.url == "" || renew {
			signed, err = p.sign(ctx, renew)
		}
		if err == nil {
			etag, err = t.try(ctx, p, signed)
		}
		if err != nil {
			err = cmp.Or(t.checkUnchanged(), err)
		}
		return err
	})
	if err == nil || ctx.Err() != nil {
		return etag, err
	}
	step := "send"
	if p.number > 0 {
		step = fmt.Sprintf("part %d", p.number)
	}
	return "", &Error{File: t.name, Step: step, Attempts: attempts, Err: err}
}

// try sends p once, within the concurrency limit. A failed attempt subtracts its bytes from the progress.
func (t *transfer) try(ctx context.Context, p part, signed signedRequest) (etag string, err error) {
	if err := t.limiter.acquire(ctx); err != nil {
		return "", err
	}
	defer t.limiter.release()
	var sent int64
	etag, err = t.put(ctx, signed, p.open(), p.size, func(n int) {
		sent += int64(n)
		t.emit(Event{Kind: Progress, Part: p.number, Bytes: int64(n)})
	})
	if err == nil {
		t.limiter.increase()
		return etag, nil
	}
	if isOverload(err) {
		t.limiter.decrease(time.Now())
	}
	if sent > 0 {
		t.emit(Event{Kind: Progress, Part: p.number, Bytes: -sent})
	}
	return "", err
}
