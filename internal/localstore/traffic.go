package localstore

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	// drainLimit is how long a closing store waits for requests in progress.
	drainLimit = 10 * time.Second
	// cutLimit limits the wait after their connections are closed: they only wait for a disk then.
	cutLimit = 5 * time.Second
)

// traffic tracks the connections with a request in progress. A closing store can close them, and knows when none can
// write into the working directory any more.
type traffic struct {
	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
	empty  chan struct{} // closed once the store is closing and has no such connection
	limit  time.Duration // drainLimit, except in tests
}

func newTraffic() *traffic {
	return &traffic{conns: map[net.Conn]struct{}{}, empty: make(chan struct{}), limit: drainLimit}
}

// enter admits a request, unless the store is closing. The caller calls exit once the request can no longer change
// what is stored.
func (t *traffic) enter(conn net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.conns[conn] = struct{}{} // in HTTP/1.1, a connection serves one request at a time
	}
	return !t.closed
}

func (t *traffic) exit(conn net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.conns, conn)
	if t.closed && len(t.conns) == 0 {
		close(t.empty)
	}
}

// drain rejects further requests and waits for those in progress. At last it closes their connections.
func (t *traffic) drain() error {
	t.mu.Lock()
	t.closed = true
	if len(t.conns) == 0 {
		close(t.empty)
	}
	t.mu.Unlock()
	if t.emptyWithin(t.limit) {
		return nil
	}
	t.mu.Lock()
	for conn := range t.conns {
		conn.Close()
	}
	t.mu.Unlock()
	if t.emptyWithin(cutLimit) {
		return fmt.Errorf("local store: requests still under way after %v were cut off", t.limit)
	}
	return errors.New("local store: requests do not end; this process cannot start another store")
}

func (t *traffic) emptyWithin(limit time.Duration) bool {
	select {
	case <-t.empty:
		return true
	case <-time.After(limit):
		return false
	}
}

func (t *traffic) any() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.conns) > 0
}
