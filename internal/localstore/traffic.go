package localstore

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// drainLimit is how long a closing store waits for requests in progress.
	drainLimit = 10 * time.Second
	// cutLimit limits the wait after their connections are closed: they only wait for a disk then.
	cutLimit = 5 * time.Second
)

// traffic counts the requests in progress. A closing store knows from it when none can write into the working directory
// any more.
type traffic struct {
	mu       sync.Mutex
	requests int
	closed   bool
	empty    chan struct{} // closed once the store is closing and no request is in progress
	limit    time.Duration // drainLimit, except in tests
}

func newTraffic() *traffic { return &traffic{empty: make(chan struct{}), limit: drainLimit} }

// enter admits a request, unless the store is closing. The caller calls exit once the request can no longer change
// what is stored.
func (t *traffic) enter() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.requests++
	}
	return !t.closed
}

func (t *traffic) exit() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.requests--; t.closed && t.requests == 0 {
		close(t.empty)
	}
}

// drain rejects further requests and waits for those in progress. It calls cut, which closes all connections, if they
// take too long. If ended is false, a request still uses the working directory.
func (t *traffic) drain(cut func() error) (ended bool, err error) {
	t.mu.Lock()
	t.closed = true
	if t.requests == 0 {
		close(t.empty)
	}
	t.mu.Unlock()
	if t.emptyWithin(t.limit) {
		return true, nil
	}
	_ = cut() // its error is one of the listener, which is closed anyway
	if t.emptyWithin(cutLimit) {
		return true, fmt.Errorf("local store: requests still in progress after %v were cut off", t.limit)
	}
	return false, errors.New("local store: requests do not end; this process cannot start another store")
}

func (t *traffic) emptyWithin(limit time.Duration) bool {
	select {
	case <-t.empty:
		return true
	case <-time.After(limit):
		return false
	}
}
