package outbox

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestPassHasLittleTime: a pass begins no attempt that its time does not suffice for.
func TestPassHasLittleTime(t *testing.T) {
	w := newWorld(t)
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
	if n, err := s.box.QueueDue(hurried, 99); n != 0 || err != nil || len(w.keys(pendingPrefix)) != perOwner+2 {
		t.Errorf("Pass with %s left: queued %d, %v, want none, and all as it was", minTimeLeft, n, err)
	}

	ctx, end := context.WithCancel(t.Context())
	if n, err := s.box.QueueDue(ctx, perOwner+1); n != perOwner+1 || err != nil {
		t.Errorf("Pass: queued %d, %v, want %d", n, err, perOwner+1)
	}
	for range perOwner {
		<-began
	}
	end()
	close(goOn)
	s.box.Wait()
	if left := len(w.keys(pendingPrefix)); left != 2 || len(began) > 0 {
		t.Errorf("left %d, and %d were begun after the end of the time, want 2 and none", left, len(began))
	}
}

// TestOddEntry: what is no entry is told of once, and keeps no other from being sent.
func TestOddEntry(t *testing.T) {
	w := newWorld(t)
	sent := make(chan string, 9)
	s := w.server(func(_ context.Context, _, id string, _ time.Time, _ []byte) error { sent <- id; return nil })
	var log bytes.Buffer
	s.box.Log = slog.New(slog.NewTextHandler(&log, nil))
	w.put(entryKey(w.now(), "01a204af-18ca-76d5-a867-6cfb432644fa", lane{}), "{}")
	w.ended(s, "")
	for range 3 {
		w.passBy(s)
	}
	if told := strings.Count(log.String(), "entry ignored"); told != 1 || len(sent) != 1 ||
		len(w.keys(pendingPrefix)) != 1 {
		t.Errorf(
			"told of what is no entry %d times, and sent %d events, want each once, and that left:\n%s",
			told,
			len(sent),
			&log,
		)
	}
}
