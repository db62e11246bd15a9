package progress

import (
	"testing"
	"time"
)

// TestReport is a table of progress lines: without a rate until the store has received bytes.
func TestReport(t *testing.T) {
	for _, c := range []struct {
		size, stored, sending int64
		rate                  float64
		want                  string
	}{
		{300 << 20, 0, 12 << 20, 0, "0 B uploaded, 12 MiB in flight"},
		{300 << 20, 100 << 20, 8 << 20, 5 << 20, "100 MiB of 300 MiB uploaded (33 %), 8 MiB in flight, 5 MiB/s, 40s left"},
		{300 << 20, 300 << 20, 0, 5 << 20, "300 MiB uploaded, 5 MiB/s"},
		{-1, 16 << 20, 4 << 20, 5 << 20, "16 MiB uploaded, 4 MiB in flight, 5 MiB/s"},
	} {
		f := &file{}
		f.size.Store(c.size)
		f.add(c.stored, c.sending)
		if got := f.report(c.rate); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// TestRateEstimate: parts of 8 MiB that the store receives rarely, alone or four together, give a rate within 25 %
// after a while. It falls when the line is stalled.
func TestRateEstimate(t *testing.T) {
	for _, together := range []int64{1, 4} {
		const part, interval = 8 << 20, 6400 * time.Millisecond
		var p rateEstimate
		now, moved := time.Now(), int64(0)
		if got := p.update(now, moved); got != 0 {
			t.Errorf("at the start: got %g, want 0", got)
		}
		want := float64(together) * part / interval.Seconds()
		for range 10 {
			for end := now.Add(interval); now.Before(end); now = now.Add(150 * time.Millisecond) {
				if got := p.update(now, moved); moved >= 5*together*part && (got < 0.75*want || got > 1.25*want) {
					t.Fatalf("%d parts together: got %.0f bytes per second, want about %.0f", together, got, want)
				}
			}
			for range together {
				moved += part
				now = now.Add(10 * time.Millisecond)
				p.update(now, moved)
			}
		}
		if got := p.update(now.Add(3*stalled), moved); got > want/2 {
			t.Errorf("%d parts together, stalled: got %.0f bytes per second, want less than half of %.0f", together, got, want)
		}
	}
}
