package sweep

import (
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/world"
)

// TestLateObject: an object that was uploaded after its import expired is found at the next inspection.
func TestLateObject(t *testing.T) {
	w := newCluster(t)
	j := w.Create(imports.Request{})
	w.Advance(2 * time.Hour)
	s := w.server(nil)
	w.sweep(s)
	w.expect("expired")
	w.Put(j.Key(), world.Content) // by a PUT that began before the deadline
	w.Advance(24 * time.Hour)
	w.sweep(s)
	w.expect("completed", "expired")
}

// TestLateUpload: an object that was uploaded to an import without an object, after its terminal status, is removed
// when the URL has expired. Objects of completed and untracked imports remain.
func TestLateUpload(t *testing.T) {
	size := int64(len(world.Content))
	for _, c := range []struct {
		name    string
		prepare func(w *cluster) imports.Job
		kept    bool
	}{
		{"aborted, in one request", func(w *cluster) imports.Job {
			j := w.Create(imports.Request{})
			w.remove(j)
			return j
		}, false},
		{"aborted multipart", func(w *cluster) imports.Job {
			j := w.Create(imports.Request{Mode: imports.Multipart, Size: &size})
			w.remove(j)
			return j
		}, false},
		{"expired multipart", func(w *cluster) imports.Job {
			j := w.Create(imports.Request{Mode: imports.Multipart, Size: &size})
			w.Advance(24*time.Hour + time.Minute)
			w.sweep(w.server(nil))
			return j
		}, false},
		{"completed", func(w *cluster) imports.Job { return w.CreateUploaded() }, true},
		{"untracked", func(w *cluster) imports.Job {
			u, err := w.server(nil).Sign(w.Context(), owner)
			if err != nil {
				w.Fatal(err)
			}
			return untrackedJob(u.String())
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newCluster(t)
			j := c.prepare(w)
			w.Put(j.Key(), world.Content)
			w.Advance(2 * time.Hour)
			w.sweep(w.server(nil))
			w.Put(j.Key(), world.Content) // began before the URL expired, and took until now
			w.Advance(48 * time.Hour)
			w.sweep(w.server(nil))
			if kept := len(w.Keys(j.Key())) == 1; kept != c.kept {
				t.Errorf("object kept: got %v, want %v", kept, c.kept)
			}
			if n := w.Uploads(); n != 0 {
				t.Errorf("%d uploads are left, want 0", n)
			}
		})
	}
}

func (w *cluster) remove(j imports.Job) {
	w.Helper()
	if err := remove(w.server(nil), j); err != nil {
		w.Fatal(err)
	}
}
