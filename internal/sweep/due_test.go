package sweep

import (
	"sync"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
)

// TestDueDespiteReceiver: a sweep does not wait for a receiver that does not answer.
func TestDueDespiteReceiver(t *testing.T) {
	w := newWorld(t)
	s := w.server(nil)
	j := w.arrived()
	if _, err := s.Read(t.Context(), owner, j.ID); err != nil { // it completes, which publishes its event
		t.Fatal(err)
	}
	late := w.create(imports.Request{})
	w.pass(2 * time.Hour)
	asked, answer, recorded := make(chan struct{}, 9), make(chan struct{}), make(chan struct{})
	w.refuses = func(string) error { asked <- struct{}{}; <-answer; return nil }
	var first sync.Once
	hurried := w.server(&wire{on: func(_ int, kind string) fault {
		if kind == "PUT jobs" {
			first.Do(func() { close(recorded) })
		}
		return nil
	}})
	ended := make(chan error)
	go func() { ended <- hurried.RunDue(t.Context()) }()
	for _, event := range []<-chan struct{}{asked, recorded} {
		select {
		case <-event:
		case <-time.After(30 * time.Second):
			t.Fatal("the sweep waits for the receiver")
		}
	}
	close(answer)
	if err := <-ended; err != nil {
		t.Errorf("Due: %v", err)
	}
	if got := w.status(late); got != imports.Expired {
		t.Errorf("after Due: the record says %s, want expired", got)
	}
}
