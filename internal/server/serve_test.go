package server

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestBackgroundRunsUntilEnd: what runs in the background, such as reading the API keys again, runs until the server
// ends, so that a revoked key is rejected also during the stop delay.
func TestBackgroundRunsUntilEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lasted time.Duration
		ctx, stop := context.WithCancel(t.Context())
		s := &Server{
			Handler: http.NotFoundHandler(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)), stopDelay: time.Minute,
		}
		s.background = append(s.background, func(running context.Context) {
			start := time.Now()
			stop()
			<-running.Done()
			lasted = time.Since(start)
		})
		if err := s.Serve(ctx, make(Pipes)); err != nil {
			t.Fatal(err)
		}
		if lasted != s.stopDelay {
			t.Errorf("it ran for %s after the stop, want %s", lasted, s.stopDelay)
		}
	})
}
