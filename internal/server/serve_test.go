package server

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestFollowsUntilTheEnd: a key that is taken back opens nothing, also while a server that is told to stop serves on.
func TestFollowsUntilTheEnd(t *testing.T) {
	began, ended := make(chan struct{}), make(chan time.Time, 1)
	s := &Server{Handler: http.NotFoundHandler(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		stopDelay: 300 * time.Millisecond}
	s.background = append(s.background, func(ctx context.Context) {
		close(began)
		<-ctx.Done()
		ended <- time.Now()
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, listener) }()
	<-began
	told := time.Now()
	stop()
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	if lasted := (<-ended).Sub(told); lasted < s.stopDelay {
		t.Errorf("files were followed for %s after the word to stop, want %s at least", lasted, s.stopDelay)
	}
}
