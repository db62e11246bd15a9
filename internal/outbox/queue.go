package outbox

import (
	"slices"
	"sync"
)

const (
	// perReceiver limits the concurrent deliveries to a receiver, and perOwner those of one owner among them. One owner whose
	// deliveries hang leaves half of the receiver to the others. Allowed hosts are few, so there is no limit for all receivers together.
	perReceiver = 16
	perOwner    = 8
	// window limits the deliveries of a lane that wait in memory, and receiverWindow those of all lanes of a receiver. An event takes
	// about 1 kB, and at most 5 kB.
	window         = 2048
	receiverWindow = 4 * window
)

// queue starts deliveries and never waits for one. Each lane is a FIFO. The lanes of a receiver take turns in the receiver's slots, so
// that neither a slow receiver nor an owner with many events delays the others. The zero value is ready for use.
type queue struct {
	mu        sync.Mutex
	receivers map[string]*slots
	lanes     map[lane]*line
	keys      map[string]struct{} // of the deliveries that wait or are in progress
	idle      chan struct{}       // closed once there are none
}

// slots are those of a receiver with deliveries.
type slots struct {
	taken   int
	waiting int
	lines   []*line // the next turn first
}

// line is a lane with deliveries.
type line struct {
	lane
	waiting []delivery
	running int
}

type delivery struct {
	key string
	run func()
}

// accepts reports whether add would accept key.
func (q *queue) accepts(l lane, key string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.hasRoom(l, key)
}

// hasRoom: lanes share the window, and each has room for what it can have in progress. Receivers share theirs, so that one with
// thousands of lanes leaves room to the others.
func (q *queue) hasRoom(l lane, key string) bool {
	if _, known := q.keys[key]; known {
		return false
	}
	if r := q.receivers[l.receiver]; r != nil && r.waiting >= receiverWindow/len(q.receivers) {
		return false
	}
	line := q.lanes[l]
	return line == nil || len(line.waiting) < max(perOwner, window/len(q.lanes))
}

// add queues a delivery, and starts it as soon as it is its turn. It returns false if the delivery is queued already, or if its lane is
// full: the entry remains in the bucket, and a later sweep adds it.
func (q *queue) add(l lane, key string, run func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.hasRoom(l, key) {
		return false
	}
	if len(q.keys) == 0 {
		q.receivers, q.lanes, q.keys = map[string]*slots{}, map[lane]*line{}, map[string]struct{}{}
		q.idle = make(chan struct{})
	}
	q.keys[key] = struct{}{}
	r := q.receivers[l.receiver]
	if r == nil {
		r = &slots{}
		q.receivers[l.receiver] = r
	}
	if q.lanes[l] == nil {
		q.lanes[l] = &line{lane: l}
		r.lines = append(r.lines, q.lanes[l])
	}
	q.lanes[l].waiting = append(q.lanes[l].waiting, delivery{key, run})
	r.waiting++
	q.start(r)
	return true
}

// start starts the deliveries to r that have a slot.
func (q *queue) start(r *slots) {
	for r.taken < perReceiver {
		next := slices.IndexFunc(r.lines, func(l *line) bool { return len(l.waiting) > 0 && l.running < perOwner })
		if next < 0 {
			return
		}
		l := r.lines[next]
		r.lines = append(slices.Delete(r.lines, next, next+1), l)
		d := l.waiting[0]
		l.waiting[0] = delivery{} // releases the event
		l.waiting = l.waiting[1:]
		r.waiting, r.taken, l.running = r.waiting-1, r.taken+1, l.running+1
		go func() {
			d.run()
			q.finish(r, l, d.key)
		}()
	}
}

// finish gives the slot of a delivery to the next one.
func (q *queue) finish(r *slots, l *line, key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	r.taken, l.running = r.taken-1, l.running-1
	delete(q.keys, key)
	if l.running == 0 && len(l.waiting) == 0 {
		delete(q.lanes, l.lane)
		r.lines = slices.DeleteFunc(r.lines, func(other *line) bool { return other == l })
	}
	if len(r.lines) == 0 {
		delete(q.receivers, l.receiver)
	}
	if len(q.keys) == 0 {
		close(q.idle)
	}
	q.start(r)
}

// wait returns once no delivery waits or is in progress.
func (q *queue) wait() {
	for {
		q.mu.Lock()
		idle, busy := q.idle, len(q.keys) > 0
		q.mu.Unlock()
		if !busy {
			return
		}
		<-idle
	}
}
