package upload

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestRetries is a table of calls that always fail. Each reported retry is followed by an attempt.
func TestRetries(t *testing.T) {
	for _, c := range []struct {
		name              string
		status            int
		retryAfter        string
		budget, duration  time.Duration // duration is that of a request
		atLeast, atMost   int           // attempts
		shortest, longest time.Duration
	}{
		{"not temporary", 501, "", time.Hour, 0, 1, 1, 0, 0},
		{"budget shorter than one request", 503, "", time.Second, 30 * time.Second, minAttempts, minAttempts,
			150 * time.Second, 150*time.Second + 4*maxDelay},
		{"Retry-After beyond the budget", 429, "3600", time.Minute, 0, 1, 1, 0, 0},
		{"Retry-After within the budget", 429, "3600", 90 * time.Minute, 0, 2, 2, time.Hour, time.Hour},
		{"budget spent", 503, "", time.Hour, 0, 100, 1000, time.Hour - maxDelay, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, requests, events := time.Now(), 0, 0
				api, err := NewAPI("http://signpost.example", nil, roundTripFunc(func(*http.Request) (*http.Response, error) {
					requests++
					time.Sleep(c.duration)
					header := http.Header{"Retry-After": {c.retryAfter}}
					return &http.Response{StatusCode: c.status, Header: header, Body: http.NoBody}, nil
				}))
				if err != nil {
					t.Fatal(err)
				}
				api.budget = c.budget
				err = api.OnRetry(func(error) { events++ }).Delete(t.Context(), "01a22529-74d5-7f84-bc00-7bf3810bf0e7")
				if err == nil || requests < c.atLeast || requests > c.atMost || events != requests-1 {
					t.Errorf("got %v after %d requests and %d retry events, want an error after %d to %d", err, requests, events,
						c.atLeast, c.atMost)
				}
				if elapsed := time.Since(began); elapsed < c.shortest || elapsed > c.longest {
					t.Errorf("got an error after %s, want %s to %s", elapsed, c.shortest, c.longest)
				}
			})
		})
	}
}
