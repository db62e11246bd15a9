package outbox

import (
	"slices"
	"sync"
)

const (
	// perReceiver limits the concurrent deliveries to a receiver, and perOwner those of one owner among them. An owner
	// whose deliveries hang leaves half of the slots to others. Few hosts are allowed, so there is no limit for all
	// receivers together.
	perReceiver = 16
	perOwner    = 8
	// window limits the queued deliveries of a lane, and receiverWindow those of all lanes of a receiver. An event takes
	// about 1 kB of memory, and at most 5 kB.
	window         = 2048
	receiverWindow = 4 * window
	// maxIgnored limits the keys that are ignored. Then all are accepted again.
	maxIgnored = 1000
)

// queue starts deliveries in the background. Each lane is a FIFO. The lanes of a receiver take turns in its slots, so
// that neither a slow receiver nor an owner with many events delays others.
//
// A semaphore does not suffice: it limits the deliveries to a receiver, but does not share its slots among owners.
type queue struct {
	mu        sync.Mutex
	receivers map[string]*receiverQueue
	lanes     map[lane]*laneQueue
	keys      map[string]struct{} // of the deliveries that are queued or in progress
	idle      *sync.Cond          // there are none
	ignored   map[string]struct{} // keys that are not accepted
}

func newQueue() *queue {
	q := &queue{
		receivers: map[string]*receiverQueue{}, lanes: map[lane]*laneQueue{}, keys: map[string]struct{}{},
		ignored: map[string]struct{}{},
	}
	q.idle = sync.NewCond(&q.mu)
	return q
}

// receiverQueue contains the deliveries to a receiver.
type receiverQueue struct {
	running int
	waiting int
	lanes   []*laneQueue // in the order of their turns
}

// laneQueue contains the deliveries of a lane.
type laneQueue struct {
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

// hasRoom reports whether key is new and within the limits. All lanes share window, and each has room for perOwner
// deliveries. All receivers share receiverWindow, so that a receiver with thousands of lanes leaves room for others.
func (q *queue) hasRoom(l lane, key string) bool {
	_, known := q.keys[key]
	if _, ignored := q.ignored[key]; known || ignored {
		return false
	}
	if r := q.receivers[l.receiver]; r != nil && r.waiting >= receiverWindow/len(q.receivers) {
		return false
	}
	deliveries := q.lanes[l]
	return deliveries == nil || len(deliveries.waiting) < max(perOwner, window/len(q.lanes))
}

// ignore makes q not accept key from now on.
func (q *queue) ignore(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.ignored) >= maxIgnored {
		clear(q.ignored)
	}
	q.ignored[key] = struct{}{}
}

// add queues a delivery, which starts when it is its turn. It returns false if the delivery is already queued or there
// is no room: the entry remains in the bucket, and a later sweep adds it.
func (q *queue) add(l lane, key string, run func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.hasRoom(l, key) {
		return false
	}
	q.keys[key] = struct{}{}
	r := q.receivers[l.receiver]
	if r == nil {
		r = &receiverQueue{}
		q.receivers[l.receiver] = r
	}
	if q.lanes[l] == nil {
		q.lanes[l] = &laneQueue{lane: l}
		r.lanes = append(r.lanes, q.lanes[l])
	}
	q.lanes[l].waiting = append(q.lanes[l].waiting, delivery{key, run})
	r.waiting++
	q.start(r)
	return true
}

// start starts deliveries to r until its slots are in use.
func (q *queue) start(r *receiverQueue) {
	for r.running < perReceiver {
		next := slices.IndexFunc(r.lanes, func(l *laneQueue) bool { return len(l.waiting) > 0 && l.running < perOwner })
		if next < 0 {
			return
		}
		l := r.lanes[next]
		r.lanes = append(slices.Delete(r.lanes, next, next+1), l)
		d := l.waiting[0]
		l.waiting[0] = delivery{} // releases the event
		l.waiting = l.waiting[1:]
		r.waiting, r.running, l.running = r.waiting-1, r.running+1, l.running+1
		go func() {
			d.run()
			q.finish(r, l, d.key)
		}()
	}
}

// finish removes a delivery and starts the next one.
func (q *queue) finish(r *receiverQueue, l *laneQueue, key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	r.running, l.running = r.running-1, l.running-1
	delete(q.keys, key)
	if l.running == 0 && len(l.waiting) == 0 {
		delete(q.lanes, l.lane)
		r.lanes = slices.DeleteFunc(r.lanes, func(other *laneQueue) bool { return other == l })
	}
	if len(r.lanes) == 0 {
		delete(q.receivers, l.receiver)
	}
	if len(q.keys) == 0 {
		q.idle.Broadcast()
	}
	q.start(r)
}

// wait returns when no delivery is queued or in progress.
func (q *queue) wait() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.keys) > 0 {
		q.idle.Wait()
	}
}
