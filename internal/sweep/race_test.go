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

// TestAtOnce has many servers end one import at a time, in different ways, all of which are told in the end: what the
// record says is among them, under one id each, and nothing else.
func TestAtOnce(t *testing.T) {
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
		may     []string // be told besides
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

// TestStalledWriter stops a server between what it announces and its record, for longer than others wait for that: its
// announcement is dropped, its record refused, and what it announces instead is told.
func TestStalledWriter(t *testing.T) {
	newWorld(t)
	for _, c := range deaths {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			j := c.prep(w)
			w.pass(c.later)
			stalled, goOn := make(chan struct{}), make(chan struct{})
			var announced, once sync.Once
			isAnnounced := false
			line := &wire{on: func(_ int, kind string) fault {
				if kind == "PUT outbox" {
					announced.Do(func() { isAnnounced = true })
				}
				if kind != "PUT jobs" || !isAnnounced {
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
			// Others may send what it has announced, or fence it off, but cannot end the import: nobody sweeps imports here.
			other := w.server(nil)
			for range 2 {
				w.pass(time.Minute)
				if _, err := other.box.QueueDue(t.Context(), 10); err != nil {
					t.Fatal(err)
				}
				other.box.Wait()
			}
			if left := w.keys("outbox/"); len(left) > 1 {
				t.Errorf("outbox: %v are left, want what the other server announced at most", left)
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
