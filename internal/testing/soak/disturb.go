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

// event is a disturbance after at of traffic.
type event struct {
	at time.Duration
	do func() error
}

// events returns the kills, the restarts of the store and the audits of a run.
func (s *soak) events(rng *rand.Rand) (events []event) {
	kill, restart, inspectAll := 30*time.Second, 3*time.Minute, min(4*time.Minute, s.duration/3)
	if s.duration < 3*time.Minute {
		kill, restart = 10*time.Second, 25*time.Second
	}
	for at := kill; at < s.duration; at += kill {
		victim := s.servers[0]
		if at >= s.duration/2 && at < s.duration/2+kill {
			victim = s.servers[1]
		}
		events = append(events, event{at, func() error { s.kills.Add(1); return s.restart(rng, victim, syscall.SIGKILL) }})
	}
	for at := restart; at <= s.duration-inspectAll; at += restart { // its last process has two audits
		signal := []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM, syscall.SIGKILL}[rng.IntN(3)]
		events = append(events, event{at, func() error { s.restarts.Add(1); return s.restart(rng, s.store, signal) }})
	}
	for at := inspectAll; at < s.duration; at += inspectAll {
		events = append(events, event{at, func() error { return s.inspectAll(false) }})
	}
	slices.SortStableFunc(events, func(a, b event) int { return int(a.at - b.at) })
	return append(events, event{s.duration, func() error { return nil }})
}

// disturb runs the events. The traffic's clock stops during audits.
func (s *soak) disturb() error {
	begun := time.Now()
	for _, e := range s.events(rand.New(rand.NewPCG(s.seed, 1<<32))) {
		select {
		case <-time.After(time.Until(begun.Add(s.quiet + e.at))):
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
		if err := e.do(); err != nil {
			return err
		}
	}
	return nil
}

// restart ends p while a write is in progress, and starts it again.
func (s *soak) restart(rng *rand.Rand, p *process, signal syscall.Signal) error {
	kinds := []string{"create", createParts, "complete", "delete", "upload part"}
	select {
	case <-s.trigger.set(kinds[rng.IntN(len(kinds))]):
		time.Sleep(time.Duration(rng.Int64N(int64(pause)))) // some time during the request
	case <-time.After(3 * time.Second): // or at any other time
	}
	if err := p.end(signal); err != nil {
		s.violate("%v", err)
	}
	return p.start(s.binary)
}

// trigger fires when a request of its kind begins.
type trigger struct {
	mu    sync.Mutex
	kind  string
	fired chan struct{}
}

func (t *trigger) set(kind string) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kind, t.fired = kind, make(chan struct{})
	return t.fired
}

func (t *trigger) fire(kind string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fired != nil && kind == t.kind {
		close(t.fired)
		t.fired = nil
	}
}
