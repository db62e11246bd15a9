package upload

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestRetrier is a table of attempts for requests that always fail. Each reported retry is followed by an attempt.
func TestRetrier(t *testing.T) {
	failure := errors.New("failed")
	for _, c := range []struct {
		name             string
		budget           time.Duration
		duration         time.Duration // of a request
		err              error
		retryable        bool
		atLeast, atMost  int
		elapsed, longest time.Duration
	}{
		{"not retryable", time.Hour, 0, failure, false, 1, 1, 0, 0},
		{"budget shorter than one request", time.Second, time.Hour, failure, true, minAttempts, minAttempts, 5 * time.Hour,
			5*time.Hour + 4*maxDelay},
		{"Retry-After beyond the budget", time.Minute, 0, &ResponseError{RetryAfter: time.Hour}, true, 1, 1, 0, 0},
		{"Retry-After within the budget", 90 * time.Minute, 0, &ResponseError{RetryAfter: time.Hour}, true, 2, 2, time.Hour,
			time.Hour},
		{"budget", time.Hour, 0, failure, true, 100, 1000, time.Hour - maxDelay, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, requests, events := time.Now(), 0, 0
				r := retrier{
					baseDelay: baseDelay, budget: c.budget,
					onRetry: func(error) { events++ }, retryable: func(error, int) bool { return c.retryable },
				}
				attempts, err := r.do(t.Context(), func() error {
					requests++
					time.Sleep(c.duration)
					return c.err
				})
				if !errors.Is(err, c.err) || attempts != requests || events != requests-1 ||
					attempts < c.atLeast || attempts > c.atMost {
					t.Errorf("got %v after %d attempts, %d requests and %d retry events, want %d to %d attempts", err, attempts,
						requests, events, c.atLeast, c.atMost)
				}
				if elapsed := time.Since(began); elapsed < c.elapsed || elapsed > c.longest {
					t.Errorf("got an error after %s, want %s to %s", elapsed, c.elapsed, c.longest)
				}
			})
		})
	}
}
