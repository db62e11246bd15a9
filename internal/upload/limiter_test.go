package upload

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestLimiter is a table of limits after overload responses and successes.
func TestLimiter(t *testing.T) {
	for _, c := range []struct {
		name      string
		overloads []time.Duration
		successes int
		want      int
	}{
		{"successes only", nil, 100, 8},
		{"one overload", []time.Duration{0}, 0, 4},
		{"two overloads of requests sent together", []time.Duration{0, decreaseInterval - 1}, 0, 4},
		{"two overloads", []time.Duration{0, decreaseInterval}, 0, 2},
		{"overloads without end", []time.Duration{0, decreaseInterval, 2 * decreaseInterval, 3 * decreaseInterval,
			4 * decreaseInterval, 5 * decreaseInterval}, 0, 1},
		{"few successes", []time.Duration{0}, 5, 5},
		{"many successes", []time.Duration{0}, 100, 8},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, now := newLimiter(8), time.Now()
			for _, after := range c.overloads {
				l.decrease(now.Add(after))
			}
			for range c.successes {
				l.increase(0, now, now)
			}
			acquired := 0
			ctx, cancel := context.WithTimeout(t.Context(), time.Second) // ends when the limit is reached
			defer cancel()
			for l.acquire(ctx, 0) == nil {
				acquired++
			}
			if acquired != c.want {
				t.Errorf("%s: got %d requests, want %d", c.name, acquired, c.want)
			}
		})
	}
}
