package upload

import (
	"context"
	"sync"
	"time"
)

const (
	// DefaultConcurrency is the most concurrent requests of SmallSize and more, by default.
	DefaultConcurrency = 16
	// SmallSize is the least size, in bytes, of a file or part that is not small. The duration of smaller requests is
	// mostly latency, so more of them at a time are faster.
	SmallSize = 1 << 20
	// smallFactor is how many times more small requests are in progress by default. With a latency of 20 ms, 32 of them
	// keep two cores busy. Each connection costs about 100 KiB of memory.
	smallFactor = 2
	// MaxFiles is the most files to upload at a time. Half of them wait for the service while the others are sent.
	MaxFiles = 2 * smallFactor * DefaultConcurrency
)

// limiter bounds the concurrent requests to the store. All files of an uploader share it. It bounds their number by
// additive increase and multiplicative decrease (AIMD): each success raises the limit a little, up to the ceiling, and
// each overload response halves it. Their bytes are bounded by a window.
type limiter struct {
	mu      sync.Mutex
	free    sync.Cond
	ceiling float64
	limit   float64
	// factor is the limit divided by the limit of requests that are not small.
	factor       float64
	inUse, large int // large: those that are not small
	halved       time.Time
	window       window
}

// decreaseInterval is the shortest time between two decreases. Requests sent together often fail together.
const decreaseInterval = time.Second

// newLimiter returns a limiter for at most concurrency requests, or with 0 for the default numbers.
func newLimiter(concurrency int) *limiter {
	ceiling, factor := float64(concurrency), 1.0
	if concurrency == 0 {
		ceiling, factor = DefaultConcurrency*smallFactor, smallFactor
	}
	l := &limiter{ceiling: ceiling, limit: ceiling, factor: factor, window: newWindow(time.Now())}
	l.free.L = &l.mu
	return l
}

// maxPrepared bounds how many parts of one file are prepared at a time: while some are sent, others are hashed and
// signed.
func (l *limiter) maxPrepared() int { return 2 * int(l.ceiling/l.factor) }

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
	for l.isFull(size) && ctx.Err() == nil {
		l.free.Wait()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	l.add(size, 1)
	return nil
}

// isFull reports whether a request of size bytes must wait.
func (l *limiter) isFull(size int64) bool {
	return l.inUse >= int(l.limit) || l.window.isFull(size) ||
		size >= SmallSize && l.large >= max(1, int(l.limit/l.factor))
}

// add adds n requests of size bytes.
func (l *limiter) add(size int64, n int) {
	l.inUse += n
	if size >= SmallSize {
		l.large += n
	}
	l.window.inFlight += size * int64(n)
}

func (l *limiter) release(size int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(size, -1)
	l.free.Broadcast()
}

// increase raises the limit after a success, and measures it. It must be called before release.
func (l *limiter) increase(size int64, began, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limit = min(l.ceiling, l.limit+l.factor*l.factor/l.limit)
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
