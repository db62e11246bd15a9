package imports

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// This file lets callers wait for news of an import at the cost of one: whoever waits for the same import shares the looks at it.

// maxWaiting limits the requests that wait at a time in this process. Each uses some 20 KiB with its connection.
const maxWaiting = 10_000

// Ended reports whether nothing more is expected to arrive. An Expired job may be Completed after all, which is no reason to wait.
func (s Status) IsTerminal() bool { return !s.open() }

// Wait returns the job, as Read does, as soon as it is news, and as last seen, at most 2 s before, when patience ends. It looks once
// and does not wait if patience is not positive, if as many requests wait as may, and after Release. A store that is away for a moment
// does not end the wait; that of a caller who goes away ends with the error of ctx.
func (s *Service) Wait(ctx context.Context, owner, id string, news func(Job) bool, patience time.Duration) (Job, error) {
	room := s.Waiters
	if patience <= 0 || room == nil {
		return s.Read(ctx, owner, id)
	}
	w, before := room.enter(ctx, s, owner, id)
	if w == nil {
		return s.Read(ctx, owner, id)
	}
	defer room.leave(w)
	end := time.NewTimer(patience)
	defer end.Stop()
	enough, released := false, room.released
	for {
		seen, next := room.seen(w)
		switch {
		case seen.number <= before: // begun before the call was made, whose caller may know better
		case enough, seen.err != nil && !isKind(seen.err, Unavailable), seen.err == nil && news(seen.job):
			return seen.job, seen.err
		}
		select {
		case <-next:
		case <-end.C:
			enough = true
		case <-released:
			enough, released = true, nil
		case <-ctx.Done():
			return Job{}, fmt.Errorf("wait for import %s: %w", id, ctx.Err())
		}
	}
}

// NotifyWaiters has those who wait for the import look at once. It costs next to nothing where nobody does.
func (s *Service) NotifyWaiters(id string) {
	r := s.Waiters
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.watches[id] {
		w.lookNow()
	}
}

// Release ends all waiting, now and from now on: each call answers with what there is. It may be called again.
func (s *Service) ReleaseWaiters() {
	r := s.Waiters
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.released:
	default:
		close(r.released)
	}
}

// Waiters is where the calls of this process wait.
type Waiters struct {
	released chan struct{} // closed: nobody waits any more
	// pauses are between the looks at an import; the last repeats. Most uploads end soon after somebody begins to wait for them.
	pauses []time.Duration

	limit int // of waiting

	mu      sync.Mutex
	waiting int
	watches map[string][]*watch // by the import's id; one for each owner who asks for it, of whom all but one will see nothing
}

// NewWaiters returns an empty one for limit requests, and for 10,000 at most.
func NewWaiters(limit int) *Waiters {
	return &Waiters{
		limit:    min(limit, maxWaiting),
		released: make(chan struct{}),
		pauses:   []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second},
		watches:  map[string][]*watch{},
	}
}

// watch is an import that is waited for. Its goroutine looks for all who do, and ends when nobody is left. The room's lock guards it.
type watch struct {
	owner, id string
	waiting   int
	begun     int           // looks
	last      sight         // of the last look that ended
	next      chan struct{} // closed when another look has
	soon      chan struct{} // has room for one: look at once
	stop      context.CancelFunc
}

// sight is what a look showed.
type sight struct {
	number int // from 1
	job    Job
	err    error
}

// enter makes the caller wait for the import, and says how many looks had begun before. The watch is nil where there is no waiting.
func (r *Waiters) enter(ctx context.Context, s *Service, owner, id string) (w *watch, before int) {
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
		w.lookNow() // for the caller may know of something since the last look
		return w, w.begun
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx)) // others will wait for it too
	w = &watch{owner: owner, id: id, waiting: 1, next: make(chan struct{}), soon: make(chan struct{}, 1), stop: stop}
	r.watches[id] = append(watches, w)
	go r.look(ctx, s, w)
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

// leave is the end of a wait. The last to leave ends the looking.
func (r *Waiters) leave(w *watch) {
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

// seen is what w showed last, and what is closed when it shows something again.
func (r *Waiters) seen(w *watch) (sight, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return w.last, w.next
}

// look looks at w's import until ctx ends: at once, after ever longer pauses, and whenever something is known to have moved.
func (r *Waiters) look(ctx context.Context, s *Service, w *watch) {
	for n := 0; ; n++ {
		number := r.begin(w)
		job, err := s.Read(ctx, w.owner, w.id)
		r.tell(w, sight{number, job, err})
		pause := time.NewTimer(r.pauses[min(n, len(r.pauses)-1)])
		select {
		case <-pause.C:
		case <-w.soon:
		case <-ctx.Done():
		}
		if pause.Stop(); ctx.Err() != nil {
			return
		}
	}
}

// begin counts a look. What was asked for until now, it will show.
func (r *Waiters) begin(w *watch) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-w.soon:
	default:
	}
	w.begun++
	return w.begun
}

func (r *Waiters) tell(w *watch, seen sight) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(w.next)
	w.last, w.next = seen, make(chan struct{})
}

// lookNow has the goroutine of w look at once, or again, if it is about it.
func (w *watch) lookNow() {
	select {
	case w.soon <- struct{}{}:
	default:
	}
}
