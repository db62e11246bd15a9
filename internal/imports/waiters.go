package imports

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// This file is long polling: calls wait until an import changes. All waiters for one import share its inspections.

// maxWaiters limits the calls that wait at a time in this process. Each uses about 20 KiB with its connection.
const maxWaiters = 10_000

// Wait returns the job, as Read does, as soon as changed reports true. After timeout it returns the result of the last
// inspection, which is at most 2 s old. It does not wait if timeout is not positive, if the limit of waiters is
// reached, or after ReleaseWaiters. It continues to wait while the store is unavailable. If ctx ends, it returns its
// error.
func (s *Service) Wait(
	ctx context.Context, owner, id string, changed func(Job) bool, timeout time.Duration,
) (Job, error) {
	waiters := s.Waiters
	if timeout <= 0 || waiters == nil {
		return s.Read(ctx, owner, id)
	}
	w, before := waiters.add(ctx, s, owner, id)
	if w == nil {
		return s.Read(ctx, owner, id)
	}
	defer waiters.remove(w)
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	finished, released := false, waiters.released
	for {
		last, next := waiters.last(w)
		switch {
		case last.number <= before: // it began before this call, whose client may know of a later change
		case finished, last.err != nil && !isKind(last.err, Unavailable), last.err == nil && changed(last.job):
			return last.job, last.err
		}
		select {
		case <-next:
		case <-timer.C:
			finished = true
		case <-released:
			finished, released = true, nil
		case <-ctx.Done():
			return Job{}, fmt.Errorf("wait for import %s: %w", id, ctx.Err())
		}
	}
}

// NotifyWaiters requests an inspection of the import for its waiters. It costs almost nothing if there are none.
func (s *Service) NotifyWaiters(id string) {
	r := s.Waiters
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.watches[id] {
		w.inspectNow()
	}
}

// ReleaseWaiters ends all calls of Wait, and makes future ones return at once. It may be repeated.
func (s *Service) ReleaseWaiters() {
	r := s.Waiters
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.isReleased() {
		close(r.released)
	}
}

// Waiters are the calls of this process that wait for imports to change.
type Waiters struct {
	released chan struct{} // closed by ReleaseWaiters
	// pauses are the pauses between the inspections of an import; the last repeats. They begin short, because most uploads
	// end soon after the first call waits for them.
	pauses []time.Duration

	limit int // of waiting

	mu      sync.Mutex
	waiting int
	// watches are by import ID. There is one for each owner that requests this ID; all but one find no import.
	watches map[string][]*watch
}

// NewWaiters returns Waiters for at most limit calls, and never more than 10,000.
func NewWaiters(limit int) *Waiters {
	return &Waiters{
		limit:    min(limit, maxWaiters),
		released: make(chan struct{}),
		pauses:   []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second},
		watches:  map[string][]*watch{},
	}
}

// watch inspects one import for all its waiters, in a goroutine that ends with the last waiter. Waiters.mu guards it.
type watch struct {
	owner, id string
	waiting   int
	started   int           // inspections
	last      inspection    // the last finished one
	next      chan struct{} // closed when another inspection has finished
	wake      chan struct{} // capacity 1: inspect now
	stop      context.CancelFunc
}

// inspection is the result of reading an import.
type inspection struct {
	number int // from 1
	job    Job
	err    error
}

// add adds a waiter for the import and returns how many inspections had started before. The watch is nil if the limit
// of waiters is reached or waiters were released.
func (r *Waiters) add(ctx context.Context, s *Service, owner, id string) (w *watch, before int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting >= r.limit || r.isReleased() {
		return nil, 0
	}
	r.waiting++
	watches := r.watches[id]
	if i := slices.IndexFunc(watches, func(w *watch) bool { return w.owner == owner }); i >= 0 {
		w = watches[i]
		w.waiting++
		w.inspectNow() // the client may know of a change since the last inspection
		return w, w.started
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx)) // later waiters share it
	w = &watch{
		owner: owner, id: id, waiting: 1, stop: stop,
		next: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	r.watches[id] = append(watches, w)
	go r.run(ctx, s, w)
	return w, 0
}

func (r *Waiters) isReleased() bool {
	select {
	case <-r.released:
		return true
	default:
		return false
	}
}

// remove removes a waiter. The last one stops the watch.
func (r *Waiters) remove(w *watch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting--
	if w.waiting--; w.waiting > 0 {
		return
	}
	w.stop()
	left := slices.DeleteFunc(r.watches[w.id], func(other *watch) bool { return other == w })
	if r.watches[w.id] = left; len(left) == 0 {
		delete(r.watches, w.id)
	}
}

// last returns the last inspection of w, and a channel that is closed when the next one has finished.
func (r *Waiters) last(w *watch) (inspection, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return w.last, w.next
}

// run inspects w's import until ctx ends: at once, after increasing pauses, and after each notification.
func (r *Waiters) run(ctx context.Context, s *Service, w *watch) {
	for n := 0; ; n++ {
		number := r.start(w)
		job, err := s.Read(ctx, w.owner, w.id)
		r.finish(w, inspection{number, job, err})
		pause := time.NewTimer(r.pauses[min(n, len(r.pauses)-1)])
		select {
		case <-pause.C:
		case <-w.wake:
		case <-ctx.Done():
		}
		if pause.Stop(); ctx.Err() != nil {
			return
		}
	}
}

// start counts an inspection. It covers all notifications until now.
func (r *Waiters) start(w *watch) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-w.wake:
	default:
	}
	w.started++
	return w.started
}

func (r *Waiters) finish(w *watch, result inspection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(w.next)
	w.last, w.next = result, make(chan struct{})
}

// inspectNow requests an inspection at once, or another one after the inspection in progress.
func (w *watch) inspectNow() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}
