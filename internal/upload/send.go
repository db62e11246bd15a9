package upload

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
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
		return renew && !renewed || isWorthFewAttempts(err) && attempt < minAttempts || isTemporary(err)
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

// try sends p once, within the concurrency limit.
func (t *transfer) try(ctx context.Context, p part, signed signedRequest) (etag string, err error) {
	if err := t.limiter.acquire(ctx, p.size); err != nil {
		return "", err
	}
	defer t.limiter.release(p.size)
	var sent atomic.Int64
	began := time.Now()
	draining, stop := t.drain(ctx, p, &sent)
	defer stop()
	etag, err = t.put(draining, signed, p.open(), p.size, func(n int) {
		sent.Add(int64(n))
		t.emit(Event{Kind: Progress, Part: p.number, Sending: int64(n)})
	})
	done := Event{Kind: Progress, Part: p.number, Sending: -sent.Load()}
	if err == nil {
		t.limiter.increase(p.size, began, time.Now())
		done.Bytes = p.size
	} else if isOverload(err) {
		t.limiter.decrease(time.Now())
	}
	if done.Bytes != 0 || done.Sending != 0 {
		t.emit(done)
	}
	return etag, err
}

// drainTimeout bounds how long requests continue after an interrupt.
const drainTimeout = 5 * time.Second

// drain returns a context for sending p. It ends with ctx, unless the upload was interrupted and p is sent within
// drainTimeout at its present rate.
func (t *transfer) drain(ctx context.Context, p part, sent *atomic.Int64) (context.Context, func()) {
	began := time.Now()
	draining, cancel := context.WithCancelCause(t.drained)
	stop := context.AfterFunc(ctx, func() {
		n, left := float64(sent.Load()), float64(p.size-sent.Load())
		if t.interrupted.Err() == nil || t.drained.Err() != nil || left*float64(time.Since(began)) > n*float64(drainTimeout) {
			cancel(context.Cause(ctx))
			return
		}
		t.emit(Event{Kind: Draining, Part: p.number})
	})
	return draining, func() {
		stop()
		cancel(nil)
	}
}
