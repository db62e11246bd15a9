package sweep

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/world"
)

// overdue creates n imports for each owner and lets their URLs expire.
func (w *cluster) overdue(n int, owners ...string) {
	w.Helper()
	s := w.Service(nil)
	for _, owner := range owners {
		for range n {
			if _, err := s.Create(w.Context(), owner, imports.Request{}, ""); err != nil {
				w.Fatal(err)
			}
		}
	}
	w.Advance(2 * time.Hour)
}

// open returns the number of imports in progress.
func (w *cluster) open(owners ...string) (n int) {
	w.Helper()
	for _, owner := range owners {
		for _, recorded := range w.records(owner) {
			if recorded.Status == imports.AwaitingUpload || recorded.Status == imports.Uploading {
				n++
			}
		}
	}
	return n
}

// TestDeadline: sweeps with time for a few calls each finish the work together. Each continues where the last one
// stopped.
func TestDeadline(t *testing.T) {
	w := newCluster(t)
	owners := []string{"a", "b", "c"}
	w.overdue(20, owners...)
	w.CreateUpload("imports/o/01a204b9-f71a-70fa-afcc-c06741427d4a")
	before := w.open(owners...)
	var open []int
	for range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		var reads atomic.Int32
		s := w.server(&world.Wire{OnRequest: func(_ int, kind string) world.Fault {
			if kind == "GET jobs" {
				reads.Add(1)
			}
			if reads.Load() > 8 { // the time is up in the middle of a page
				cancel()
				return world.Killed
			}
			return nil
		}})
		_ = s.RunDue(ctx)
		cancel()
		w.Advance(2 * time.Minute) // the lease of a sweeper that was killed ends
		open = append(open, w.open(owners...))
		if open[len(open)-1] == 0 && w.Uploads() == 0 {
			break
		}
	}
	if open[len(open)-1] != 0 || w.Uploads() != 0 {
		t.Errorf(
			"after %d interrupted sweeps %d of %d imports are open and %d uploads left: %v",
			len(open),
			open[len(open)-1],
			before,
			w.Uploads(),
			open,
		)
	}
}

// TestTimeUp: a sweep that reaches its deadline saves its progress, releases the lease and returns no error. Orphaned
// uploads get their share of the time.
func TestTimeUp(t *testing.T) { world.FakeTime(t, testTimeUp) }

func testTimeUp(t *testing.T) {
	w := newCluster(t)
	w.overdue(30, "a")
	w.CreateUpload("imports/o/01a204b9-f71a-70fa-afcc-c06741427d4a")
	s := w.server(nil)
	release := make(chan struct{})
	s.wire.OnRequest = func(_ int, kind string) world.Fault {
		if kind == "PUT jobs" { // recording the end of an import takes for ever
			return func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
				select {
				case <-release:
				case <-r.Context().Done():
				}
				return nil, r.Context().Err()
			}
		}
		return nil
	}
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if err := s.RunDue(ctx); err != nil {
		t.Errorf("RunDue: got %v, want no error", err)
	}
	if n := w.Uploads(); n != 0 {
		t.Errorf("%d orphaned uploads are left, want 0", n)
	}
	st := w.lease()
	if st.Holder != "" || st.Page == 0 || !st.SweptAt.IsZero() {
		t.Errorf("lease: got %+v, want it released, a smaller page, and no finished sweep", st)
	}
}
