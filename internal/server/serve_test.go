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

// TestFollowsFilesUntilEnd: files such as API keys are followed until the server ends, so that a revoked key is
// rejected also during the stop delay.
func TestFollowsFilesUntilEnd(t *testing.T) {
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
	stopped := time.Now()
	stop()
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	if lasted := (<-ended).Sub(stopped); lasted < s.stopDelay {
		t.Errorf("files were followed for %s after the stop, want at least %s", lasted, s.stopDelay)
	}
}
