package sweep

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/world"
)

// TestFullStore: a sweep aborts the uploads of overdue imports although the store has no space for the lease or
// records. It expires the imports when there is space.
func TestFullStore(t *testing.T) {
	w := newCluster(t)
	j := w.CreateMultipart()
	w.Advance(25 * time.Hour)
	s := w.server(&world.Wire{OnRequest: func(_ int, kind string) world.Fault {
		if strings.HasPrefix(kind, "PUT ") {
			return world.Reject(http.StatusInsufficientStorage, "InsufficientStorage")
		}
		return nil
	}})
	if err := s.RunDue(t.Context()); err != nil {
		t.Errorf("Due on a full store: got %v, want nil", err)
	}
	if n := w.Uploads(); n != 0 {
		t.Errorf("%d uploads are left, want 0", n)
	}
	w.sweep(w.server(nil))
	if got := w.status(j); got != imports.Expired {
		t.Errorf("once there is space: the record says %s, want expired", got)
	}
	w.expect("expired")
}
