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

// TestLimiterOfSizes counts the requests that are admitted at a time: by default more if they are small.
func TestLimiterOfSizes(t *testing.T) {
	const small, large = SmallSize - 1, SmallSize
	for _, c := range []struct {
		name        string
		concurrency int
		overload    bool
		sizes       []int64 // as many as are admitted of each
		small, all  int
	}{
		{"small", 0, false, []int64{small}, 32, 32},
		{"large", 0, false, []int64{large}, 0, 16},
		{"large, then small", 0, false, []int64{large, small}, 16, 32},
		{"small after an overload", 0, true, []int64{small}, 16, 16},
		{"large after an overload", 0, true, []int64{large}, 0, 8},
		{"small, of a number", 16, false, []int64{small}, 16, 16},
		{"large, of a number", 64, false, []int64{large}, 0, 64},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLimiter(c.concurrency)
			l.window.size = 1 << 40
			if c.overload {
				l.decrease(time.Now())
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second) // ends when the limit is reached
			defer cancel()
			admitted := map[int64]int{}
			for _, size := range c.sizes {
				for l.acquire(ctx, size) == nil {
					admitted[size]++
				}
				ctx, cancel = context.WithTimeout(t.Context(), time.Second)
				defer cancel()
			}
			if all := admitted[small] + admitted[large]; admitted[small] != c.small || all != c.all {
				t.Errorf("%s: got %d small requests of %d, want %d of %d", c.name, admitted[small], all, c.small, c.all)
			}
			for size, n := range admitted {
				for range n {
					l.release(size)
				}
			}
			if l.inUse != 0 || l.large != 0 || l.window.inFlight != 0 {
				t.Errorf("%s: after the release, got %d requests, %d of them large", c.name, l.inUse, l.large)
			}
		})
	}
}

// TestLimiterRecovers admits the full number again after one overload and about as many successes for each request,
// whether there is one limit or two.
func TestLimiterRecovers(t *testing.T) {
	for _, concurrency := range []int{0, DefaultConcurrency} {
		l, now := newLimiter(concurrency), time.Now()
		l.decrease(now)
		for range 100 {
			l.increase(SmallSize, now, now)
		}
		if l.limit != l.ceiling {
			t.Errorf("concurrency %d: got the limit %g after 100 successes, want %g", concurrency, l.limit, l.ceiling)
		}
	}
}
