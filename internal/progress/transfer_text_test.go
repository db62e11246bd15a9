package progress

import (
	"testing"
	"time"
)

func TestTransferText(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		size, moved int64
		elapsed     time.Duration
		want        string
	}{
		{4, 4, 0, "4 B"},
		{4, 4, 999 * time.Millisecond, "4 B"},
		{4, 4, time.Second, "4 B in 1s"},
		{5 * mib, 5 * mib, 99 * time.Millisecond, "5 MiB"},
		{5 * mib, 5 * mib, 100 * time.Millisecond, "5 MiB in 100ms, 50 MiB/s"},
		{300 * mib, 300 * mib, 30 * time.Second, "300 MiB in 30s, 10 MiB/s"},
		{300 * mib, 30 * mib, 30 * time.Second, "300 MiB in 30s, 1 MiB/s"}, // resumed
	} {
		if got := transferText(c.size, c.moved, c.elapsed); got != c.want {
			t.Errorf("%d bytes, %d moved, %s: got %q, want %q", c.size, c.moved, c.elapsed, got, c.want)
		}
	}
}
