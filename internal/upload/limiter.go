package upload

import (
	"context"
	"sync"
	"time"
)

// limiter bounds the concurrent requests to the store. All files of an uploader share it. It bounds their number by
// additive increase and multiplicative decrease (AIMD): each success raises the limit a little, up to the ceiling, and
// each overload response halves it. Their bytes are bounded by a window.
type limiter struct {
	mu      sync.Mutex
	free    sync.Cond
	ceiling float64
	limit   float64
	inUse   int
	halved  time.Time
	window  window
}

// decreaseInterval is the shortest time between two decreases. Requests sent together often fail together.
const decreaseInterval = time.Second

func newLimiter(ceiling int) *limiter {
	l := &limiter{ceiling: float64(ceiling), limit: float64(ceiling), window: newWindow(time.Now())}
	l.free.L = &l.mu
	return l
}

// maxPrepared bounds how many parts of one file are prepared at a time: while some are sent, others are hashed and
// signed.
func (l *limiter) maxPrepared() int { return 2 * int(l.ceiling) }

// acquire waits until a request of size bytes may be sent. Each successful call is followed by release.
func (l *limiter) acquire(ctx context.Context, size int64) error {
	stop := context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.free.Broadcast()
	})
	defer stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for (l.inUse >= int(l.limit) || l.window.isFull()) && ctx.Err() == nil {
		l.free.Wait()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	l.inUse++
	l.window.inFlight += size
	return nil
}

func (l *limiter) release(size int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inUse--
	l.window.inFlight -= size
	l.free.Broadcast()
}

// increase raises the limit after a success, and measures it. It must be called before release.
func (l *limiter) increase(size int64, began, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limit = min(l.ceiling, l.limit+1/l.limit)
	l.window.measure(size, began, now)
	l.free.Broadcast()
}

// decrease halves the limit after an overload response or a timeout.
func (l *limiter) decrease(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.halved) >= decreaseInterval {
		l.limit, l.halved = max(1, l.limit/2), now
	}
}
