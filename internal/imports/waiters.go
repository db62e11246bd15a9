package imports

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// This file is long polling: calls wait until an import changes. All waiters for one import share its inspections.

const (
	// maxWaiters limits the calls that wait at a time in this process. Each uses about 20 KiB with its connection.
	maxWaiters = 10_000
	// The pause between two inspections of an import doubles from minPause to maxPause. It begins short, because most
	// uploads end soon after the first call waits for them.
	minPause = 250 * time.Millisecond
	maxPause = 2 * time.Second
)

// Wait returns the job, as Read does, as soon as changed reports true. After timeout it returns the result of the last
// inspection, which is at most 2 s old. It does not wait if timeout is not positive, if the limit of waiters is
// reached, or after Waiters.Release. It continues to wait while the store is unavailable. If ctx ends, it returns its
// error.
func (s *Service) Wait(
	ctx context.Context, owner, id string, changed func(Job) bool, timeout time.Duration,
) (Job, error) {
	read := func(ctx context.Context) (Job, error) { return s.Read(ctx, owner, id) }
	if timeout <= 0 || s.Waiters == nil {
		return read(ctx)
	}
	w, before := s.Waiters.add(ctx, objectKey(owner, id), read)
	if w == nil {
		return read(ctx)
	}
	defer s.Waiters.remove(w)
	wait, cancel := context.WithTimeout(s.Waiters.released, timeout)
	defer cancel()
	for ended := wait.Done(); ; {
		last, next := s.Waiters.last(w)
		switch {
		case last.number <= before: // it began before this call, whose client may know of a later change
		case ended == nil, last.err != nil && !isKind(last.err, Unavailable), last.err == nil && changed(last.job):
			return last.job, last.err
		}
		select {
		case <-next:
		case <-ended:
			ended = nil
		case <-ctx.Done():
			return Job{}, fmt.Errorf("wait for import %s: %w", id, ctx.Err())
		}
	}
}

// Waiters are the calls of this process that wait for imports to change. A nil Waiters has none.
type Waiters struct {
	limit              int // of waiting
	minPause, maxPause time.Duration
	released           context.Context // ends with Release
	release            context.CancelFunc

	mu      sync.Mutex
	waiting int
	watches map[string]*watch // by the key of the object
}

// NewWaiters returns Waiters for at most limit calls, and never more than 10,000.
func NewWaiters(limit int) *Waiters {
	r := &Waiters{limit: min(limit, maxWaiters), minPause: minPause, maxPause: maxPause, watches: map[string]*watch{}}
	r.released, r.release = context.WithCancel(context.Background())
	return r
}

// Release ends all calls of Wait, and makes future ones return at once. It may be repeated.
func (r *Waiters) Release() {
	if r != nil {
		r.release()
	}
}

// Notify requests an inspection of the import for its waiters. It costs almost nothing if there are none.
func (r *Waiters) Notify(owner, id string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.watches[objectKey(owner, id)]; w != nil {
		w.inspectNow()
	}
}

// watch inspects one import for all its waiters, in a goroutine that ends with the last waiter. Waiters.mu guards it.
type watch struct {
	key     string
	waiting int
	started int           // inspections
	last    inspection    // the last finished one
	next    chan struct{} // closed when another inspection has finished
	wake    chan struct{} // capacity 1: inspect now
	stop    context.CancelFunc
}

// inspection is the result of reading an import.
type inspection struct {
	number int // from 1
	job    Job
	err    error
}

// inspectNow requests an inspection at once, or another one after the inspection in progress.
func (w *watch) inspectNow() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// add adds a waiter for the import whose object has this key, requests an inspection, and returns how many inspections
// had started before. The watch is nil if the limit of waiters is reached or waiters were released.
func (r *Waiters) add(
	ctx context.Context, key string, read func(context.Context) (Job, error),
) (w *watch, before int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting >= r.limit || r.released.Err() != nil {
		return nil, 0
	}
	w = r.watches[key]
	if w == nil {
		w = &watch{key: key, next: make(chan struct{}), wake: make(chan struct{}, 1)}
		r.watches[key] = w
		ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx)) // later waiters share it
		go r.run(ctx, w, read)
	}
	r.waiting++
	w.waiting++
	w.inspectNow() // the client may know of a change since the last inspection
	return w, w.started
}

// remove removes a waiter. The last one stops the watch.
func (r *Waiters) remove(w *watch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting--
	if w.waiting--; w.waiting == 0 {
		w.stop()
		delete(r.watches, w.key)
	}
}

// last returns the last inspection of w, and a channel that is closed when the next one has finished.
func (r *Waiters) last(w *watch) (inspection, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return w.last, w.next
}

// run inspects w's import until ctx ends: after each request, and after increasing pauses.
func (r *Waiters) run(ctx context.Context, w *watch, read func(context.Context) (Job, error)) {
	for pause := r.minPause / 2; ; pause = min(2*pause, r.maxPause) {
		select {
		case <-w.wake:
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		r.mu.Lock()
		w.started++
		result := inspection{number: w.started}
		r.mu.Unlock()
		result.job, result.err = read(ctx)
		r.mu.Lock()
		close(w.next)
		w.last, w.next = result, make(chan struct{})
		r.mu.Unlock()
	}
}
