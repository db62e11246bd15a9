package server

import (
	"net"
	"net/http"
	"sync"
)

// limitedListener limits the connections in use, and those of one client. It accepts connections also while all are in
// use: those of a client at its limit are closed at once, so that they never delay others in the kernel's backlog, and
// the others are queued. While connections are queued, it closes those that are idle between two requests, which may
// last for idleTimeout.
type limitedListener struct {
	net.Listener
	slots  chan struct{} // one for each connection in use, and one while Accept waits for a connection
	queue  chan net.Conn // accepted, not in use
	failed chan error    // of the inner Accept
	done   chan struct{} // closed by Close
	close  func() error
	shares *shares

	mu   sync.Mutex
	idle map[net.Conn]struct{} // as the server sees them
}

// newLimitedListener returns a listener for total connections in use, with as many again in the queue.
func newLimitedListener(inner net.Listener, total int, s *shares) *limitedListener {
	l := &limitedListener{
		Listener: inner, slots: make(chan struct{}, total), queue: make(chan net.Conn, total),
		failed: make(chan error), done: make(chan struct{}), shares: s,
		idle: map[net.Conn]struct{}{},
	}
	l.close = sync.OnceValue(func() error {
		close(l.done)
		return inner.Close()
	})
	go l.accept()
	return l
}

// accept queues connections until the listener is closed, and then closes those that are still queued.
func (l *limitedListener) accept() {
	for {
		conn, err := l.Listener.Accept()
		if err == nil {
			conn = l.shares.take(conn)
		}
		switch {
		case err != nil:
			select {
			case l.failed <- err: // net/http pauses before it calls Accept again
			case <-l.done:
				l.closeQueued()
				return
			}
		case conn != nil:
			select {
			case l.queue <- conn:
				l.closeIdle()
			case <-l.done:
				conn.Close()
			}
		}
	}
}

func (l *limitedListener) closeQueued() {
	for {
		select {
		case conn := <-l.queue:
			conn.Close()
		default:
			return
		}
	}
}

// Accept returns the next connection, once fewer than the limit are in use.
func (l *limitedListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	free := func() { <-l.slots }
	select {
	case conn := <-l.queue:
		return newConnection(conn, free), nil
	case err := <-l.failed:
		free()
		return nil, err
	case <-l.done:
		free()
		return nil, net.ErrClosed
	}
}

// Close closes the listener. Connections in use stay open.
func (l *limitedListener) Close() error { return l.close() }

// Busy reports whether connections are queued because all others are in use.
func (l *limitedListener) Busy() bool { return len(l.queue) > 0 && len(l.slots) == cap(l.slots) }

// connState records which connections are idle; see http.Server.ConnState.
func (l *limitedListener) connState(conn net.Conn, state http.ConnState) {
	l.mu.Lock()
	if state == http.StateIdle {
		l.idle[conn] = struct{}{}
	} else {
		delete(l.idle, conn)
	}
	l.mu.Unlock()
	if state == http.StateIdle {
		l.closeIdle()
	}
}

// closeIdle closes one idle connection if others are queued. The client opens another when it needs one.
func (l *limitedListener) closeIdle() {
	if !l.Busy() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.idle {
		delete(l.idle, conn)
		go conn.Close() // that of a TLS connection may wait for the client
		return
	}
}

// connection calls release once, when it is closed.
type connection struct {
	net.Conn
	release func()
}

func newConnection(conn net.Conn, release func()) *connection {
	return &connection{conn, sync.OnceFunc(release)}
}

func (c *connection) Close() error {
	defer c.release()
	return c.Conn.Close()
}
