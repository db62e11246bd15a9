package sweep

import (
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/world"
)

// TestChangedAfterConfirmation: an event that the record confirmed is delivered, even if the record has changed before
// the delivery.
func TestChangedAfterConfirmation(t *testing.T) {
	for _, c := range []struct {
		name   string
		events func(w *cluster, s *server)
		want   []string
	}{
		{"a replaced object", func(w *cluster, s *server) {
			j := w.CreateUploaded()
			w.read(s, j)
			w.Put(j.Key(), "another")
			w.read(s, j)
		}, []string{"completed", "completed"}},
		{"an object uploaded after the deadline", func(w *cluster, s *server) {
			j := w.Create(imports.Request{})
			w.Advance(2 * time.Hour)
			w.read(s, j)
			w.Put(j.Key(), world.Content)
			w.read(s, j)
		}, []string{"completed", "expired"}},
		{"an object replaced by one of another size than declared", func(w *cluster, s *server) {
			size := int64(len(world.Content))
			j := w.Create(imports.Request{Size: &size})
			w.Put(j.Key(), world.Content)
			w.read(s, j)
			w.Put(j.Key(), "another")
			w.read(s, j)
		}, []string{"completed", "failed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newCluster(t)
			c.events(w, w.server(nil))
			w.Advance(3 * time.Minute)
			w.sweep(w.server(nil))
			w.expect(c.want...)
		})
	}
}
