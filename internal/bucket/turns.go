package bucket

import (
	"context"
	"sync"
)

// turns lets one caller at a time have a key.
type turns struct {
	mu      sync.Mutex
	waiting map[string]*turn
}

type turn struct {
	taken   chan struct{} // of capacity 1
	callers int
}

// take waits until no other caller has key. It returns ctx's error if ctx ends first.
func (t *turns) take(ctx context.Context, key string) (release func(), err error) {
	t.mu.Lock()
	own := t.waiting[key]
	if own == nil {
		own = &turn{taken: make(chan struct{}, 1)}
		t.waiting[key] = own
	}
	own.callers++
	t.mu.Unlock()
	select {
	case own.taken <- struct{}{}:
		return func() { <-own.taken; t.leave(key) }, nil
	case <-ctx.Done():
		t.leave(key)
		return nil, ctx.Err()
	}
}

func (t *turns) leave(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting[key].callers--; t.waiting[key].callers == 0 {
		delete(t.waiting, key)
	}
}
