package upload

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"
	"time"
)

//go:embed testdata/window.txt
var trace string

// TestWindow compares the window's size after each request with a trace of fast, slow and uneven lines. The test of
// the browser's window reads the same trace.
func TestWindow(t *testing.T) {
	epoch := time.Unix(0, 0)
	w := newWindow(epoch)
	number := 0
	for line := range strings.Lines(trace) {
		number++
		var size, began, now, want int64 // bytes, milliseconds, milliseconds, bytes
		if _, err := fmt.Sscan(line, &w.inFlight, &size, &began, &now, &want); err != nil {
			t.Fatalf("line %d: %v", number, err)
		}
		w.measure(size, epoch.Add(time.Duration(began)*time.Millisecond), epoch.Add(time.Duration(now)*time.Millisecond))
		if w.size != want {
			t.Fatalf("line %d: got %d, want %d", number, w.size, want)
		}
	}
	if number < 500 {
		t.Errorf("the trace has %d lines", number)
	}
}

// TestWindowAtStart: two parts of any size are sent at the start.
func TestWindowAtStart(t *testing.T) {
	for _, size := range []int64{defaultPartSize, 64 * mib, 5 << 30} {
		w, began := newWindow(time.Unix(0, 0)), 0
		for ; !w.isFull(size); began++ {
			w.inFlight += size
		}
		if began != 2 {
			t.Errorf("parts of %d bytes: got %d at the start, want 2", size, began)
		}
	}
}
