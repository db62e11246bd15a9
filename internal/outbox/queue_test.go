package outbox

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/world"
)

// TestDeliverImmediately: a server delivers what it publishes, and sweeps leave that alone meanwhile.
func TestDeliverImmediately(t *testing.T) {
	w := newCluster(t)
	sent, accept := make(chan string, 9), make(chan struct{})
	send := func(_ context.Context, _, id string, _ time.Time, _ []byte) error { sent <- id; <-accept; return nil }
	s := w.immediateServer(send)
	w.complete(s, "")
	id := <-sent
	w.deliverDue(w.server(send))
	close(accept)
	s.stop(t)
	if left := w.Keys(pendingPrefix); len(left) > 0 || len(sent) > 0 {
		t.Errorf("%s: left %v, and %d more were sent, want nothing", id, left, len(sent))
	}
}

// TestOverflow: entries that found no room in the queue, or waited too long in it, are delivered by a sweep.
func TestOverflow(t *testing.T) {
	w := newCluster(t)
	sent := make(chan string, 9)
	send := func(_ context.Context, _, id string, _ time.Time, _ []byte) error { sent <- id; return nil }
	s := w.immediateServer(send)
	l, release := lane{toWebhook, digest(owner)}, make(chan struct{})
	for n := range perOwner + window - 1 { // leaves room for one
		s.box.deliveries.add(l, fmt.Sprint(n), func() { <-release })
	}
	for range 3 {
		w.complete(s, "")
	}
	w.Advance(leaseDuration - attemptTimeout - saveTimeout + time.Second)
	close(release)
	s.box.Wait()
	if len(sent) > 0 {
		t.Error("sent an entry whose lease is about to expire")
	}
	w.Advance(leaseDuration)
	s.stop(t)
	w.deliverDue(w.server(send))
	if left := w.Keys(pendingPrefix); len(left) > 0 || len(sent) != 3 {
		t.Errorf("sent %d events, left %v, want three and nothing", len(sent), left)
	}
}

// TestStop: a server stops in time although deliveries hang, and another server delivers the events.
func TestStop(t *testing.T) { world.FakeTime(t, testStop) }

func testStop(t *testing.T) {
	w := newCluster(t)
	hangs := make(chan struct{}, 9)
	s := w.immediateServer(func(ctx context.Context, _, _ string, _ time.Time, _ []byte) error {
		hangs <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	for range 3 {
		w.complete(s, "")
	}
	for range 3 {
		<-hangs
	}
	began := time.Now()
	s.stop(t)
	if took := time.Since(began); took > drainTimeout+3*time.Second {
		t.Errorf("stopped after %s, want %s", took, drainTimeout)
	}
	sent := make(chan string, 9)
	other := w.server(func(_ context.Context, _, id string, _ time.Time, _ []byte) error { sent <- id; return nil })
	w.deliverDue(other)
	if len(sent) > 0 {
		t.Error("sent an entry that another server has leased")
	}
	w.Advance(leaseDuration + time.Second)
	w.deliverDue(other)
	if left := w.Keys(pendingPrefix); len(left) > 0 || len(sent) != 3 {
		t.Errorf("sent %d, left %v, want three and nothing", len(sent), left)
	}
}

// TestStopDuringQueueDue: a server may stop during QueueDue.
func TestStopDuringQueueDue(t *testing.T) { world.FakeTime(t, testStopDuringQueueDue) }

func testStopDuringQueueDue(t *testing.T) {
	w := newCluster(t)
	s := w.server(func(context.Context, string, string, time.Time, []byte) error { return nil })
	for range 40 {
		w.complete(s, "")
	}
	for range 20 {
		var queueing sync.WaitGroup
		queueing.Go(func() {
			if _, err := s.box.QueueDue(t.Context(), 2); err != nil {
				t.Error(err)
			}
		})
		s.stop(t)
		queueing.Wait()
	}
	s.box.Wait()
	w.deliverDue(s) // QueueDue also counts deliveries that are about to end
	if left := w.Keys(pendingPrefix); len(left) > 0 {
		t.Errorf("left %v, want nothing", left)
	}
}

// TestConcurrentServers: if servers deliver due events at the same time, each event is delivered once.
func TestConcurrentServers(t *testing.T) {
	w := newCluster(t)
	var mu sync.Mutex
	sent := map[string]int{}
	send := func(_ context.Context, _, id string, _ time.Time, _ []byte) error {
		mu.Lock()
		defer mu.Unlock()
		sent[id]++
		return nil
	}
	first := w.server(send)
	for range 20 {
		w.complete(first, "")
	}
	var all sync.WaitGroup
	for range 5 {
		s := w.server(send)
		all.Go(func() { w.deliverDue(s) })
	}
	all.Wait()
	if left := w.Keys(pendingPrefix); len(sent) != 20 || len(left) > 0 {
		t.Errorf("sent %d events, left %v, want 20 and nothing", len(sent), left)
	}
	for id, n := range sent {
		if n != 1 {
			t.Errorf("%s was sent %d times", id, n)
		}
	}
}

// TestLimit: QueueDue queues at most its limit, and the next call continues.
func TestLimit(t *testing.T) {
	w := newCluster(t)
	sent := make(chan string, 99)
	s := w.server(func(_ context.Context, _, id string, _ time.Time, _ []byte) error { sent <- id; return nil })
	for range 5 {
		w.complete(s, "")
	}
	for _, want := range []int{2, 2, 1, 0} {
		n, err := s.box.QueueDue(t.Context(), 2)
		s.box.Wait()
		if n != want || err != nil {
			t.Errorf("QueueDue of at most 2: got %d, %v, want %d", n, err, want)
		}
	}
	if len(sent) != 5 {
		t.Errorf("sent %d, want 5", len(sent))
	}
}

// TestUnconfirmed: an event is delivered only if the record confirms it. Its server has some time to write the record.
func TestUnconfirmed(t *testing.T) {
	for _, c := range []struct {
		verdict imports.Verdict
		err     error
		age     time.Duration // of the entry
		sent    bool
		left    string // what is left of the entry: "", where it was, or later
	}{
		{imports.Confirmed, nil, 0, true, ""},
		{imports.Rejected, nil, 0, false, ""},
		{imports.Pending, nil, 0, false, "later"},
		{imports.Confirmed, nil, recordTimeout + time.Second, true, ""},
		{imports.Rejected, nil, recordTimeout + time.Second, false, ""},
		{imports.Pending, errDown, 0, false, "where it was"},
		{imports.Pending, errDown, recordTimeout + time.Second, false, "where it was"},
	} {
		t.Run(fmt.Sprintf("%v, %v after %s", c.verdict, c.err, c.age), func(t *testing.T) {
			w := newCluster(t)
			sent := 0
			s := w.server(func(context.Context, string, string, time.Time, []byte) error { sent++; return nil })
			var confirmed []imports.Event
			var final bool
			s.box.Confirm = func(_ context.Context, e imports.Event, f bool) (imports.Verdict, error) {
				confirmed, final = append(confirmed, e), f
				return c.verdict, c.err
			}
			j := w.complete(s, "")
			before, e := w.only()
			w.Advance(c.age)
			w.deliverDue(s)
			want := imports.Event{
				ID: e.Event.ID, Owner: owner, ImportID: j.ID, Status: imports.Completed, ETag: j.Object.ETag,
			}
			if !slices.Equal(confirmed, []imports.Event{want}) {
				t.Errorf("Confirm: called with %+v, want once with %+v", confirmed, want)
			}
			if final != (c.age > recordTimeout) {
				t.Errorf("Confirm: final is %t after %s", final, c.age)
			}
			left := ""
			switch keys := w.Keys(pendingPrefix); {
			case slices.Equal(keys, []string{before}):
				left = "where it was"
			case len(keys) == 1:
				left = "later"
				if due, _, _, _ := parseKey(keys[0]); !due.After(e.Written.Add(recordTimeout)) {
					t.Errorf("due at %s, within %s of %s", due, recordTimeout, e.Written)
				}
			}
			if (sent == 1) != c.sent || left != c.left {
				t.Errorf("sent %d times, left %q, want %v and %q", sent, left, c.sent, c.left)
			}
		})
	}
}
