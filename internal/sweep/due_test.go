package sweep

import (
	"sync"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/world"
)

// TestSweepDespiteReceiver: a sweep does not wait for a receiver that does not answer.
func TestSweepDespiteReceiver(t *testing.T) {
	w := newCluster(t)
	s := w.server(nil)
	j := w.CreateUploaded()
	w.read(s, j) // completes it, which publishes its event
	late := w.Create(imports.Request{})
	w.Advance(2 * time.Hour)
	called, answer, recorded := make(chan struct{}, 9), make(chan struct{}), make(chan struct{})
	w.Answer = func(string) error { called <- struct{}{}; <-answer; return nil }
	var first sync.Once
	hurried := w.server(&world.Wire{OnRequest: func(_ int, kind string) world.Fault {
		if kind == "PUT jobs" {
			first.Do(func() { close(recorded) })
		}
		return nil
	}})
	ended := make(chan error)
	go func() { ended <- hurried.RunDue(t.Context()) }()
	for _, event := range []<-chan struct{}{called, recorded} {
		select {
		case <-event:
		case <-time.After(30 * time.Second):
			t.Fatal("the sweep waits for the receiver")
		}
	}
	close(answer)
	if err := <-ended; err != nil {
		t.Errorf("RunDue: %v", err)
	}
	if got := w.status(late); got != imports.Expired {
		t.Errorf("after RunDue: the record has status %s, want expired", got)
	}
}
