package outbox

import (
	"context"
	"testing"
	"time"
)

// TestLittleTime: no attempt starts that the deadline does not allow.
func TestLittleTime(t *testing.T) {
	w := newCluster(t)
	began, goOn := make(chan struct{}, 99), make(chan struct{})
	s := w.server(func(context.Context, string, string, time.Time, []byte) error {
		began <- struct{}{}
		<-goOn
		return nil
	})
	for range perOwner + 2 {
		w.publish(s, "a", "")
	}
	hurried, cancel := context.WithTimeout(t.Context(), minTimeLeft)
	defer cancel()
	if n, err := s.box.QueueDue(hurried, 99); n != 0 || err != nil || len(w.Keys(pendingPrefix)) != perOwner+2 {
		t.Errorf("QueueDue with %s left: queued %d, %v, want none, and all as it was", minTimeLeft, n, err)
	}

	ctx, end := context.WithCancel(t.Context())
	if n, err := s.box.QueueDue(ctx, perOwner+1); n != perOwner+1 || err != nil {
		t.Errorf("QueueDue: queued %d, %v, want %d", n, err, perOwner+1)
	}
	for range perOwner {
		<-began
	}
	end()
	close(goOn)
	s.box.Wait()
	if left := len(w.Keys(pendingPrefix)); left != 2 || len(began) > 0 {
		t.Errorf("left %d, and %d were started after the end of the time, want 2 and none", left, len(began))
	}
}
