package outbox

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// testQueue is a queue whose deliveries finish when a test says so.
type testQueue struct {
	*testing.T
	*queue
	n       int
	started chan string              // the owners' deliveries, as they begin
	end     map[string]chan struct{} // by owner, ends one
}

func newTestQueue(t *testing.T) *testQueue {
	return &testQueue{T: t, queue: newQueue(), started: make(chan string, 99999), end: map[string]chan struct{}{}}
}

// add queues n deliveries and returns how many the queue accepted.
func (w *testQueue) add(receiver, owner string, n int) (accepted int) {
	if w.end[owner] == nil {
		w.end[owner] = make(chan struct{})
	}
	end := w.end[owner]
	for range n {
		w.n++
		if w.queue.add(lane{receiver, owner}, fmt.Sprint(w.n), func() { w.started <- owner; <-end }) {
			accepted++
		}
	}
	return accepted
}

// next returns the owners of the n deliveries that begin next.
func (w *testQueue) next(n int) (owners []string) {
	w.Helper()
	for range n {
		select {
		case owner := <-w.started:
			owners = append(owners, owner)
		case <-time.After(limit):
			w.Fatalf("%v started, want %d", owners, n)
		}
	}
	slices.Sort(owners)
	return owners
}

// TestTurns: the owners with events for a receiver take turns, regardless of their numbers of events.
func TestTurns(t *testing.T) {
	w := newTestQueue(t)
	w.add("r", "a", 40)
	w.add("r", "b", 40)
	want := append(slices.Repeat([]string{"a"}, perOwner), slices.Repeat([]string{"b"}, perOwner)...)
	if got := w.next(perReceiver); !slices.Equal(got, want) {
		t.Errorf("started %v, want %v", got, want)
	}
	w.add("r", "c", 2)
	w.add("other", "a2", 1)
	if got := w.next(1); got[0] != "a2" {
		t.Errorf("started %v, want the delivery to another receiver", got)
	}
	for turn, want := range [][]string{{"a", "b", "c"}, {"a", "b", "c"}, {"a", "b"}, {"a", "b"}} {
		var got []string
		for _, ends := range []string{"a", "b", "a", "b", "a"}[:len(want)] {
			w.end[ends] <- struct{}{}
			got = append(got, w.next(1)...)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("turn %d: started %v, want %v", turn, got, want)
		}
	}
	for _, end := range w.end {
		close(end)
	}
	w.wait()
	if len(w.lanes)+len(w.receivers)+len(w.keys) > 0 {
		t.Errorf("idle: got %d lanes, %d receivers and %d keys, want none", len(w.lanes), len(w.receivers), len(w.keys))
	}
}

// TestWindow: the queued deliveries are limited, and a lane leaves room for others.
func TestWindow(t *testing.T) {
	w := newTestQueue(t)
	if got := w.add("r", "a", 3*window); got != window+perOwner {
		t.Errorf("accepted %d, want %d", got, window+perOwner)
	}
	if got := w.add("r", "b", 3*window); got != window/2+perOwner {
		t.Errorf("accepted %d of a second lane, want %d", got, window/2+perOwner)
	}
	if w.accepts(lane{"r", "b"}, "new") || w.accepts(lane{"new", "b"}, "1") || !w.accepts(lane{"new", "b"}, "new") {
		t.Error("a full lane, or a key twice, is accepted, or a new lane is not")
	}
	for _, end := range w.end {
		close(end)
	}
	w.wait()
}

// TestManyOwners: a client uses thousands of owners. The queued deliveries to one receiver are limited, and other
// receivers have room.
func TestManyOwners(t *testing.T) {
	w := newTestQueue(t)
	accepted := 0
	for n := range 4 * window {
		accepted += w.add("r", fmt.Sprint(n), 3)
	}
	if want := receiverWindow + perReceiver; accepted != want {
		t.Errorf("accepted %d for one receiver, want %d", accepted, want)
	}
	if w.add("other", "a", 3) != 3 {
		t.Error("another receiver has no room")
	}
	for _, end := range w.end {
		close(end)
	}
	w.wait()
}

// TestShares: if there are more due entries than may be queued, each lane gets its share, the oldest first.
func TestShares(t *testing.T) {
	s := selection{limit: 20, found: map[lane]int{}}
	for n := range 1000 {
		s.add(fmt.Sprintf("many %d", n), lane{"r", "many"})
	}
	for n := range 3 {
		s.add(fmt.Sprintf("few %d", n), lane{"r", "few"})
		s.add(fmt.Sprintf("other %d", n), lane{"r2", "many"})
	}
	got := map[string]int{}
	for _, c := range s.chosen() {
		var name string
		var n int
		if _, err := fmt.Sscan(c.key, &name, &n); err != nil || n != got[name] {
			t.Errorf("chose %q after %d of its lane (%v)", c.key, got[name], err)
		}
		got[name]++
	}
	if got["many"] != 14 || got["few"] != 3 || got["other"] != 3 {
		t.Errorf("chose %v, want all of the few, and 20 together", got)
	}
}
