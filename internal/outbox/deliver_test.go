package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/world"
	"github.com/signpost-s3/signpost/internal/webhook"
)

var errDown = errors.New("down")

// TestDelivered: an accepted event is sent once, and its entry is deleted.
func TestDelivered(t *testing.T) {
	w := newCluster(t)
	r := newReceiver(t, ok)
	s := w.server(sender(t))
	s.box.Webhook = r.URL
	j := w.complete(s, "")
	for range 2 {
		w.deliverDue(s)
	}
	if got := r.events(t); len(got) != 1 || len(w.Keys(pendingPrefix)) > 0 {
		t.Fatalf("received %v, left %v, want one event and nothing", got, w.Keys(pendingPrefix))
	}
	e := r.received[0]
	if e.Type != "import.completed" || e.Subject != j.ID || e.Source != "s3://"+w.Target.Bucket ||
		e.Data.Object.Key != j.Key() || *e.Data.Size != int64(len(world.Content)) {
		t.Errorf("received %+v, want the completion of %+v", e, j)
	}
}

// TestRelativePath: an event has the relative path of its import, if it declares one.
func TestRelativePath(t *testing.T) {
	w := newCluster(t)
	r := newReceiver(t, ok)
	s := w.server(sender(t))
	s.box.Webhook = r.URL
	for _, path := range []string{"é/100 %/😀.jpg", ""} {
		j, err := s.Create(t.Context(), owner, imports.Request{RelativePath: path}, "")
		if err != nil {
			t.Fatal(err)
		}
		w.Put(j.Key(), world.Content)
		if _, err := s.Read(t.Context(), owner, j.ID); err != nil {
			t.Fatal(err)
		}
		w.deliverDue(s)
		e := r.received[len(r.received)-1]
		if body, err := json.Marshal(e); e.Subject != j.ID || e.Data.RelativePath != path ||
			strings.Contains(string(body), "relative_path") != (path != "") || err != nil {
			t.Errorf("received %s, %v, want the relative path %q", body, err, path)
		}
	}
}

// TestRetry: a failed delivery is retried with growing delays and the same id, and its failure is stored.
func TestRetry(t *testing.T) {
	w := newCluster(t)
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	s := w.server(sender(t))
	s.box.Webhook = r.URL + "/path?token=secret"
	w.complete(s, "")
	before, _ := w.only()
	for attempt := 1; attempt <= len(delays)+2; attempt++ {
		began := w.Now()
		w.deliverDue(s)
		key, e := w.only()
		due, _, _, ok := parseKey(key)
		delay := delays[min(attempt, len(delays))-1]
		if wait := due.Sub(began); !ok || wait < delay-time.Millisecond || wait > delay*6/5+limit || key == before {
			t.Errorf("attempt %d: due after %s, at %s, want after %s to %s", attempt, wait, key, delay, delay*6/5)
		}
		if e.Attempts != attempt || !strings.Contains(e.Failure, "500") || strings.Contains(e.Failure, "secret") ||
			strings.Contains(e.Failure, "?") {
			t.Errorf("attempt %d: got %d attempts and failure %q, want the status and no URL", attempt, e.Attempts, e.Failure)
		}
		w.deliverDue(s) // too early
		if got := len(r.events(t)); got != attempt {
			t.Fatalf("attempt %d: received %d times", attempt, got)
		}
		before = key
		w.Advance(due.Sub(w.Now()) + time.Millisecond)
	}
	if ids := slices.Compact(r.events(t)); len(ids) != 1 {
		t.Errorf("received under %v, want one id", ids)
	}
}

// TestRetryAfter: the next attempt waits as long as the receiver asks, if that is longer than the schedule.
func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		name     string
		answer   int
		header   string
		min, max time.Duration
	}{
		{"longer", 429, "600", 600 * time.Second, 601 * time.Second},
		{"shorter", 503, "1", 5 * time.Second, 7 * time.Second},
		{"too long", 503, "999999", time.Hour, time.Hour + time.Second},
		{"of an answer that has no say", 500, "600", 5 * time.Second, 7 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newCluster(t)
			r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", c.header)
				w.WriteHeader(c.answer)
			})
			s := w.server(sender(t))
			s.box.Webhook = r.URL
			w.complete(s, "")
			began := w.Now()
			w.deliverDue(s)
			took := w.Now().Sub(began)
			key, _ := w.only()
			due, _, _, _ := parseKey(key)
			if wait := due.Sub(began); wait < c.min-time.Millisecond || wait > c.max+took {
				t.Errorf("status %d, Retry-After %s: next attempt after %s, want %s to %s",
					c.answer, c.header, wait, c.min, c.max)
			}
		})
	}
}

// TestSameKey: an entry whose next attempt has the time of its current key is not lost.
func TestSameKey(t *testing.T) {
	w := newCluster(t)
	frozen := w.Now()
	s := w.immediateServer(func(context.Context, string, string, time.Time, []byte) error {
		return &webhook.Failure{RetryAfter: leaseDuration, Reason: "down"}
	})
	s.box.Now = func() time.Time { return frozen }
	w.complete(s, "")
	s.box.Wait()
	if _, e := w.only(); e.Attempts != 1 {
		t.Errorf("got %+v, want an entry after one attempt", e)
	}
}

// TestReceivers: only deliveries to failed receivers are retried.
func TestReceivers(t *testing.T) {
	w := newCluster(t)
	var mu sync.Mutex
	sent := map[string]int{}
	var fails atomic.Bool
	fails.Store(true)
	took := func(to string) {
		mu.Lock()
		defer mu.Unlock()
		sent[to]++
	}
	s := w.server(func(_ context.Context, url, _ string, _ time.Time, _ []byte) error {
		took(url)
		if url == world.OwnReceiver && fails.Load() {
			return errDown
		}
		return nil
	})
	s.box.Webhook = "https://all.test/"
	s.box.PutEvent = func(context.Context, Event) error { took("bus"); return nil }
	attempts := map[string]int{}
	s.box.OnAttempt = func(to, outcome string) {
		mu.Lock()
		defer mu.Unlock()
		attempts[to+" "+outcome]++
	}
	w.complete(s, world.OwnReceiver)
	w.deliverDue(s)
	if _, e := w.only(); !slices.Equal(e.To, []string{toImport}) {
		t.Errorf("left for %v, want the import's own webhook", e.To)
	}
	w.Advance(time.Minute)
	fails.Store(false)
	w.deliverDue(s)
	if left := w.Keys(pendingPrefix); len(left) > 0 || sent["https://all.test/"] != 1 || sent["bus"] != 1 ||
		sent[world.OwnReceiver] != 2 {
		t.Errorf("sent %v, left %v, want once, and twice to the import's own webhook", sent, left)
	}
	if attempts["webhook ok"] != 1 || attempts["bus ok"] != 1 || attempts["import failed"] != 1 ||
		attempts["import ok"] != 1 || len(attempts) != 4 {
		t.Errorf("counted %v", attempts)
	}
}

// TestConcurrentReceivers: receivers are called concurrently, because one may take the whole time of an attempt.
func TestConcurrentReceivers(t *testing.T) { world.FakeTime(t, testConcurrentReceivers) }

func testConcurrentReceivers(t *testing.T) {
	w := newCluster(t)
	var both sync.WaitGroup
	both.Add(2)
	met := make(chan struct{})
	go func() { both.Wait(); close(met) }()
	s := w.server(func(ctx context.Context, _, _ string, _ time.Time, _ []byte) error {
		both.Done()
		select {
		case <-met:
			return nil
		case <-time.After(5 * time.Second):
			return errDown
		}
	})
	w.complete(s, world.OwnReceiver)
	w.deliverDue(s)
	if left := w.Keys(pendingPrefix); len(left) > 0 {
		t.Errorf("left %v: one receiver waited for the other", left)
	}
}

// TestLease: while a server delivers an entry, no other server does.
func TestLease(t *testing.T) {
	w := newCluster(t)
	sent := 0
	other := w.server(func(context.Context, string, string, time.Time, []byte) error { sent++; return nil })
	s := w.server(func(context.Context, string, string, time.Time, []byte) error {
		sent++
		w.deliverDue(other)
		return nil
	})
	w.complete(s, "")
	w.deliverDue(s)
	if left := w.Keys(pendingPrefix); sent != 1 || len(left) > 0 {
		t.Errorf("sent %d times, left %v, want once and nothing", sent, left)
	}
}

// TestExpiredLease: a server that stalls until another server has claimed the entry does not change it.
func TestExpiredLease(t *testing.T) {
	for name, fails := range map[string]bool{"and fails": true, "and delivers": false} {
		t.Run(name, func(t *testing.T) {
			w := newCluster(t)
			other := w.server(func(context.Context, string, string, time.Time, []byte) error { return errDown })
			stalled := w.server(func(context.Context, string, string, time.Time, []byte) error {
				w.Advance(leaseDuration + time.Second)
				w.deliverDue(other)
				if fails {
					return errDown
				}
				return nil
			})
			w.complete(stalled, "")
			w.deliverDue(stalled)
			if _, e := w.only(); e.Attempts != 1 {
				t.Errorf("got %d attempts, want the other server's one", e.Attempts)
			}
		})
	}
}

// TestRemovedReceiver: an entry for a receiver that is no longer configured fails, and is sent when the receiver is
// configured again.
func TestRemovedReceiver(t *testing.T) {
	w := newCluster(t)
	sent := 0
	s := w.server(func(context.Context, string, string, time.Time, []byte) error { sent++; return nil })
	w.complete(s, "")
	without := w.server(nil)
	without.box.Webhook = ""
	w.deliverDue(without)
	if _, e := w.only(); sent != 0 || !strings.Contains(e.Failure, "settings") {
		t.Errorf("sent %d times, failure %q, want none, and that the settings name no such receiver", sent, e.Failure)
	}
	w.Advance(time.Minute)
	w.deliverDue(s)
	if left := w.Keys(pendingPrefix); sent != 1 || len(left) > 0 {
		t.Errorf("sent %d times, left %v, want once and nothing", sent, left)
	}
	w.complete(without, "")
	if left := w.Keys(pendingPrefix); len(left) > 0 {
		t.Errorf("published without receivers: left %v, want nothing", left)
	}
}

// TestEntryWithoutLane: an entry of a version without lanes is delivered to each of its receivers.
func TestEntryWithoutLane(t *testing.T) {
	w := newCluster(t)
	sent := map[string]int{}
	var mu sync.Mutex
	s := w.server(func(_ context.Context, url, _ string, _ time.Time, _ []byte) error {
		mu.Lock()
		defer mu.Unlock()
		sent[url]++
		if url == world.OwnReceiver && sent[url] == 1 {
			return errDown
		}
		return nil
	})
	const id = "01a204b9-f71a-70fa-afcc-c06741427d4a"
	w.Put(
		"outbox/20200101t000000.000z-"+id+".json",
		`{"event":{"id":"`+id+`"},"to":["webhook","import"],"webhook":"`+world.OwnReceiver+`","true":true}`,
	)
	for range 3 {
		w.deliverDue(s)
		w.Advance(time.Minute)
	}
	want := map[string]int{"https://all.test/?token=secret": 1, world.OwnReceiver: 2}
	if left := w.Keys(pendingPrefix); !maps.Equal(sent, want) || len(left) > 0 {
		t.Errorf("sent %v, left %v, want %v and nothing", sent, left, want)
	}
}
