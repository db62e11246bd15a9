package outbox

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestPassHasLittleTime: a pass begins nothing that it could not see the end of, and no more at a time than it may.
func TestPassHasLittleTime(t *testing.T) {
	w := newWorld(t)
	began, goOn := make(chan struct{}, 9), make(chan struct{})
	s := w.server(func(context.Context, string, string, time.Time, []byte) error {
		began <- struct{}{}
		<-goOn
		return nil
	})
	for range 5 {
		w.ended(s, "")
	}
	hurried, cancel := context.WithTimeout(t.Context(), attemptLimit)
	defer cancel()
	if n, err := s.box.Pass(hurried, 9); n != 0 || err != nil || len(w.keys(pendingPrefix)) != 5 {
		t.Errorf("Pass with %s left: began %d, %v, want none, and all as it was", attemptLimit, n, err)
	}

	s.box.AtOnce = 2
	ctx, hurry := context.WithTimeout(t.Context(), attemptLimit+limit)
	defer hurry()
	passed := make(chan int)
	go func() {
		n, err := s.box.Pass(ctx, 4)
		if err != nil {
			t.Error(err)
		}
		passed <- n
	}()
	for range 2 {
		for range 2 {
			<-began
		}
		s.box.mu.Lock()
		if busy := len(s.box.busy); busy > 2 {
			t.Errorf("Pass: %d are under way, want 2", busy)
		}
		s.box.mu.Unlock()
		goOn <- struct{}{}
		goOn <- struct{}{}
	}
	n := <-passed
	s.box.Wait()
	if left := len(w.keys(pendingPrefix)); n != 4 || left != 1 {
		t.Errorf("Pass(4) of 5: began %d, left %d, want 4 and 1", n, left)
	}
}

// TestOddEntry: what is no entry is told of once, and keeps no other from being sent.
func TestOddEntry(t *testing.T) {
	w := newWorld(t)
	sent := make(chan string, 9)
	s := w.server(func(_ context.Context, _, id string, _ time.Time, _ []byte) error { sent <- id; return nil })
	var log bytes.Buffer
	s.box.Log = slog.New(slog.NewTextHandler(&log, nil))
	w.put(entryKey(w.now(), "01a204af-18ca-76d5-a867-6cfb432644fa"), "{}")
	w.ended(s, "")
	for range 3 {
		w.passBy(s)
	}
	if told := strings.Count(log.String(), "left alone"); told != 1 || len(sent) != 1 || len(w.keys(pendingPrefix)) != 1 {
		t.Errorf("told of what is no entry %d times, and sent %d events, want each once, and that left:\n%s", told, len(sent), &log)
	}
}
