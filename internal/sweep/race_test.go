package sweep

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
)

// TestConcurrentEnds: many servers give an import a terminal status concurrently, in different ways. The event of the
// recorded status is delivered under one id, and no event that the record does not confirm.
func TestConcurrentEnds(t *testing.T) {
	newWorld(t)
	type call func(*server, imports.Job) error
	read := func(s *server, j imports.Job) error { _, err := s.Read(context.Background(), owner, j.ID); return err }
	complete := func(s *server, j imports.Job) error {
		_, err := s.Complete(context.Background(), owner, j.ID, nil)
		return err
	}
	notice := func(s *server, j imports.Job) error { return s.HandleObjectCreated(context.Background(), j.Key()) }
	remove := func(s *server, j imports.Job) error { return s.Delete(context.Background(), owner, j.ID) }
	for _, c := range []struct {
		name    string
		prep    func(*world) imports.Job
		servers int
		calls   []call
		want    string
		may     []string // events that may be delivered too
	}{
		{"reads and notices", (*world).arrived, 20, []call{read, notice}, "completed", nil},
		{"completions and reads", (*world).begun, 12, []call{complete, complete, read}, "completed", nil},
		{"deletes", (*world).begun, 12, []call{remove}, "aborted", nil},
		{"all", (*world).begun, 12, []call{complete, read, notice, complete, remove}, "aborted", []string{"completed"}},
		{"reads and a delete", (*world).arrived, 8, []call{read, notice, read, remove}, "aborted", []string{"completed"}},
	} {
		for _, queue := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/queue=%v", c.name, queue), func(t *testing.T) {
				for range 3 {
					w := newWorld(t)
					j := c.prep(w)
					var all sync.WaitGroup
					for i := range c.servers {
						s := w.server(&wire{on: func(int, string) fault {
							if rand.N(4) == 0 {
								time.Sleep(rand.N(4 * time.Millisecond)) // so that they meet in ever new ways
							}
							return nil
						}})
						all.Go(func() { w.callAndStop(s, queue, func() error { return c.calls[i%len(c.calls)](s, j) }) })
					}
					all.Wait()
					w.pass(3 * time.Hour)
					s := w.server(nil)
					w.sweptBy(s)
					if read, err := s.Read(t.Context(), owner, j.ID); err != nil || string(read.Status) != c.want {
						t.Errorf("read: got %s, %v, want %s", read.Status, err, c.want)
					}
					want := []string{c.want}
					for kind := range w.ends() {
						if kind = strings.TrimPrefix(kind, "import."); slices.Contains(c.may, kind) {
							want = append(want, kind)
						}
					}
					w.expect(want...)
				}
			})
		}
	}
}

// TestStalledWriter stops a server between publishing an event and writing the record, for longer than others wait. Its
// event is rejected and its write fails. It then publishes another event, which is delivered.
func TestStalledWriter(t *testing.T) {
	newWorld(t)
	for _, c := range deaths {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			j := c.prep(w)
			w.pass(c.later)
			stalled, goOn := make(chan struct{}), make(chan struct{})
			var published, once sync.Once
			isPublished := false
			line := &wire{on: func(_ int, kind string) fault {
				if kind == "PUT outbox" {
					published.Do(func() { isPublished = true })
				}
				if kind != "PUT jobs" || !isPublished {
					return nil
				}
				var f fault
				once.Do(func() {
					f = func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
						close(stalled)
						<-goOn
						return next.RoundTrip(r)
					}
				})
				return f
			}}
			done := make(chan error, 1)
			s := w.server(line)
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
				w.pass(time.Minute)
				if _, err := other.box.QueueDue(t.Context(), 10); err != nil {
					t.Fatal(err)
				}
				other.box.Wait()
			}
			if left := w.keys("outbox/"); len(left) > 1 {
				t.Errorf("outbox: %v are left, want at most the entry of the other server", left)
			}
			close(goOn)
			if err := <-done; err != nil && c.want != "failed" {
				t.Errorf("the stalled call: %v", err)
			}
			w.pass(3 * time.Minute)
			w.sweptBy(other)
			w.expect(c.want)
		})
	}
}
