package upload

import (
	"context"
	"sync"
	"time"
)

// gate bounds how many requests are under way to the store, all files together. It finds out how many the store likes: each
// success lets in a little more, up to most, and each complaint halves what there may be.
type gate struct {
	mu     sync.Mutex
	free   sync.Cond
	most   float64
	limit  float64
	inUse  int
	halved time.Time
}

// calm is how long after halving another complaint is taken for one about the same crowd.
const calm = time.Second

func newGate(most int) *gate {
	g := &gate{most: float64(most), limit: float64(most)}
	g.free.L = &g.mu
	return g
}

// crowd is how many parts of one file are made ready at a time: while some are sent, others are hashed and signed.
func (g *gate) crowd() int { return 2 * int(g.most) }

// enter waits for a place. Each is left with leave.
func (g *gate) enter(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.free.Broadcast()
	})
	defer stop()
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.inUse >= int(g.limit) && ctx.Err() == nil {
		g.free.Wait()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	g.inUse++
	return nil
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inUse--
	g.free.Broadcast()
}

// welcome lets a little more in.
func (g *gate) welcome() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit = min(g.most, g.limit+1/g.limit)
	g.free.Broadcast()
}

// complain halves what there may be: the store said that it is too much, or did not answer in time.
func (g *gate) complain(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Sub(g.halved) >= calm {
		g.limit, g.halved = max(1, g.limit/2), now
	}
}
