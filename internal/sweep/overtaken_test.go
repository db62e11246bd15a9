package sweep

import (
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
)

// TestOvertaken: an event that the record confirmed is delivered, even if the record has changed before the delivery.
func TestOvertaken(t *testing.T) {
	for _, c := range []struct {
		name string
		play func(w *world, s *server)
		want []string
	}{
		{"a replaced object", func(w *world, s *server) {
			j := w.arrived()
			w.read(s, j)
			w.put(j.Key(), []byte("another"))
			w.read(s, j)
		}, []string{"completed", "completed"}},
		{"an object that came late", func(w *world, s *server) {
			j := w.create(imports.Request{})
			w.pass(2 * time.Hour)
			w.read(s, j)
			w.put(j.Key(), hello)
			w.read(s, j)
		}, []string{"completed", "expired"}},
		{"an object replaced by one that is not what was declared", func(w *world, s *server) {
			size := int64(len(hello))
			j := w.create(imports.Request{Size: &size})
			w.put(j.Key(), hello)
			w.read(s, j)
			w.put(j.Key(), []byte("another"))
			w.read(s, j)
		}, []string{"completed", "failed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.play(w, w.server(nil))
			w.pass(3 * time.Minute)
			w.sweptBy(w.server(nil))
			w.expect(c.want...)
		})
	}
}

func (w *world) read(s *server, j imports.Job) {
	w.Helper()
	if _, err := s.Read(w.Context(), owner, j.ID); err != nil {
		w.Fatal(err)
	}
}
