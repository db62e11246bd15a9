package webhook

import (
	"context"
	"sync"
)

// hosts bounds what is under way to each host, so that one slow receiver cannot hold all there is. It knows none that nobody waits for.
type hosts struct {
	perHost int
	mu      sync.Mutex
	known   map[string]*host
}

// host is one to which something is being sent.
type host struct {
	slots chan struct{}
	users int // who hold a slot or wait for one
}

func newHosts(perHost int) hosts { return hosts{perHost: perHost, known: map[string]*host{}} }

// take waits until name may be called, or ctx ends. What it returns must be called when the call is over.
func (h *hosts) take(ctx context.Context, name string) (release func(), err error) {
	one := h.enter(name)
	select {
	case one.slots <- struct{}{}:
	case <-ctx.Done():
		h.leave(name, one)
		return nil, ctx.Err()
	}
	return func() {
		<-one.slots
		h.leave(name, one)
	}, nil
}

func (h *hosts) enter(name string) *host {
	h.mu.Lock()
	defer h.mu.Unlock()
	one := h.known[name]
	if one == nil {
		one = &host{slots: make(chan struct{}, h.perHost)}
		h.known[name] = one
	}
	one.users++
	return one
}

func (h *hosts) leave(name string, one *host) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if one.users--; one.users == 0 {
		delete(h.known, name)
	}
}
