package sweep

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/world"
)

// TestConcurrentTerminations: many servers give an import a terminal status concurrently, in different ways. The event
// of the recorded status is delivered under one ID, and no event that the record does not confirm.
func TestConcurrentTerminations(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(*cluster) imports.Job
		servers int
		calls   []call
		want    string
		may     []string // events that may be delivered too
	}{
		{"reads and notifications", uploaded, 20, []call{read, notify}, "completed", nil},
		{"completions and reads", multipart, 12, []call{complete, complete, read}, "completed", nil},
		{"deletes", multipart, 12, []call{remove}, "aborted", nil},
		{"all", multipart, 12, []call{complete, read, notify, complete, remove}, "aborted", []string{"completed"}},
		{"reads and a delete", uploaded, 8, []call{read, notify, read, remove}, "aborted", []string{"completed"}},
	} {
		for _, immediately := range []bool{false, true} {
			if testing.Short() && immediately {
				continue
			}
			t.Run(fmt.Sprintf("%s/immediately=%v", c.name, immediately), func(t *testing.T) {
				world.FakeTime(t, func(t *testing.T) {
					for range 3 {
						w := newCluster(t)
						j := c.prepare(w)
						var all sync.WaitGroup
						for i := range c.servers {
							s := w.newServer(randomDelays(), immediately)
							all.Go(func() { callAndStop(s, c.calls[i%len(c.calls)], j) })
						}
						all.Wait()
						w.Advance(3 * time.Hour)
						s := w.server(nil)
						w.sweep(s)
						if read, err := s.Read(t.Context(), owner, j.ID); err != nil || string(read.Status) != c.want {
							t.Errorf("read: got %s, %v, want %s", read.Status, err, c.want)
						}
						want := []string{c.want}
						for kind := range w.Events() {
							if kind = strings.TrimPrefix(kind, "import."); slices.Contains(c.may, kind) {
								want = append(want, kind)
							}
						}
						w.expect(want...)
					}
				})
			})
		}
	}
}

// randomDelays returns a wire that delays some requests, so that servers interleave in different ways.
func randomDelays() *world.Wire {
	return &world.Wire{OnRequest: func(int, string) world.Fault {
		if rand.N(4) == 0 {
			time.Sleep(rand.N(4 * time.Millisecond))
		}
		return nil
	}}
}

// TestStalledWriter stalls a server between publishing an event and writing the record, for longer than others wait.
// Its event is rejected and its write fails. It then publishes another event, which is delivered.
func TestStalledWriter(t *testing.T) {
	for _, c := range terminations {
		t.Run(c.name, func(t *testing.T) {
			w := newCluster(t)
			j := c.prepare(w)
			w.Advance(c.after)
			wire, stalled, resume := stallAfterPublish()
			done := make(chan error, 1)
			s := w.server(wire)
			s.CompletionWait = time.Minute
			go func() { done <- c.call(s, j) }()
			select {
			case <-stalled:
			case err := <-done:
				t.Fatalf("the call was not stalled: %v", err)
			}
			// Other servers may deliver its event or fence the record. They do not sweep imports here.
			other := w.server(nil)
			for range 2 {
				w.Advance(time.Minute)
				if _, err := other.box.QueueDue(t.Context(), 10); err != nil {
					t.Fatal(err)
				}
				other.box.Wait()
			}
			if left := w.Keys("outbox/"); len(left) > 1 {
				t.Errorf("outbox: got %v, want at most the entry of the other server", left)
			}
			close(resume)
			if err := <-done; err != nil && c.want != "failed" {
				t.Errorf("the stalled call: %v", err)
			}
			w.Advance(3 * time.Minute)
			w.sweep(other)
			w.expect(c.want)
		})
	}
}

// stallAfterPublish returns the wire of a server that stalls at its first write of a record after it has published an
// event, until resume is closed.
func stallAfterPublish() (wire *world.Wire, stalled, resume chan struct{}) {
	stalled, resume = make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	published, once := false, false
	return &world.Wire{OnRequest: func(_ int, kind string) world.Fault {
		mu.Lock()
		defer mu.Unlock()
		published = published || kind == "PUT outbox"
		if kind != "PUT jobs" || !published || once {
			return nil
		}
		once = true
		return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
			close(stalled)
			<-resume
			return next.RoundTrip(r)
		}
	}}, stalled, resume
}
