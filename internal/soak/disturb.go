//go:build unix

package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"time"
)

// event is what happens to the run when its traffic has lasted for at.
type event struct {
	at time.Duration
	do func() error
}

// events are the kills, the restarts of the store and the quiet points of a run.
func (s *soak) events(rng *rand.Rand) []event {
	kill, restart, look := 30*time.Second, 3*time.Minute, 4*time.Minute
	if s.duration < 3*time.Minute {
		kill, restart, look = 10*time.Second, 25*time.Second, s.duration/3
	}
	var events []event
	every := func(gap time.Duration, do func(at time.Duration) error) {
		for at := gap; at < s.duration; at += gap {
			events = append(events, event{at, func() error { return do(at) }})
		}
	}
	half := (s.duration/2 + kill - 1) / kill * kill
	every(kill, func(at time.Duration) error {
		victim := s.servers[0]
		if at == half {
			victim = s.servers[1]
		}
		s.kills.Add(1)
		return s.again(rng, victim, syscall.SIGKILL, "create", createParts, "complete", "delete", "upload part")
	})
	every(restart, func(at time.Duration) error {
		if at+look > s.duration { // so that its last life has two quiet points
			return nil
		}
		signal := []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM, syscall.SIGKILL}[rng.IntN(3)]
		s.restarts.Add(1)
		return s.again(rng, s.store, signal, "create", createParts, "complete", "delete", "upload", "upload part")
	})
	every(look, func(time.Duration) error { return s.look(false) })
	slices.SortStableFunc(events, func(a, b event) int { return int(a.at - b.at) })
	return append(events, event{s.duration, func() error { return nil }})
}

// disturb lets the events happen. The clock of the traffic stands still at quiet points.
func (s *soak) disturb() error {
	rng := rand.New(rand.NewPCG(s.seed, 1<<32))
	began := time.Now()
	for _, e := range s.events(rng) {
		select {
		case <-time.After(time.Until(began.Add(s.quiet + e.at))):
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
		if err := e.do(); err != nil {
			return err
		}
	}
	return nil
}

// again ends p by signal while a request of one of these kinds is under way, and starts it anew.
func (s *soak) again(rng *rand.Rand, p *process, signal syscall.Signal, kinds ...string) error {
	select {
	case <-s.trap.set(kinds[rng.IntN(len(kinds))]):
		time.Sleep(time.Duration(rng.Int64N(int64(20 * time.Millisecond)))) // anywhere within it
	case <-time.After(3 * time.Second): // or at any other time
	}
	if err := p.end(signal); err != nil {
		s.tally.violate("%v", err)
	}
	return p.start(s.binary)
}

// trap springs when a request of its kind begins.
type trap struct {
	mu     sync.Mutex
	kind   string
	sprung chan struct{}
}

func (t *trap) set(kind string) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kind, t.sprung = kind, make(chan struct{})
	return t.sprung
}

func (t *trap) touch(kind string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sprung != nil && kind == t.kind {
		close(t.sprung)
		t.sprung = nil
	}
}
