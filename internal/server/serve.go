// Package server builds the service as a process, and runs it from start to stop.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/tracing"
)

// drainTimeout is the time that requests in progress have when the service stops.
const drainTimeout = 20 * time.Second

// gcPercent is GOGC: how much the heap may grow before a garbage collection, in percent. About 3 MiB are in use. Twice
// Go's default serves 5 % more requests per second and costs 10 MiB.
const gcPercent = 200

// Tune prepares the process for many small requests. Gogc is the environment variable GOGC, which takes precedence if
// it is set.
func Tune(gogc string) {
	uuid.EnableRandPool() // no system call for each id
	if gogc == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// Server is the service as a process. Handler and Log are required; New sets all fields.
type Server struct {
	Handler http.Handler
	Log     *slog.Logger
	// HandleObjectCreated handles the notification of a new object in the store; nil without New.
	HandleObjectCreated func(ctx context.Context, key string) error

	releaseWaiters func()                  // ends long polls; may be nil
	tls            *certificate            // nil: plain HTTP
	busy           func() bool             // reports whether connections are queued; may be nil
	stopDelay      time.Duration           // how long it serves requests after it was told to stop
	stopping       atomic.Bool             // whether it was told to stop
	background     []func(context.Context) // run while it serves
	traces         *tracing.Tracing        // nil: none
}

// Serve serves listener until ctx ends. Then it closes connections after their responses, and waits for requests in
// progress.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	defer s.stopTraces()
	running, stop := context.WithCancel(context.WithoutCancel(ctx)) // it serves requests for a while after ctx ends
	var others sync.WaitGroup
	defer others.Wait()
	defer stop()
	for _, run := range s.background {
		others.Go(func() { run(running) })
	}
	server := newHTTPServer(http.HandlerFunc(s.answer), s.Log)
	if limited, ok := listener.(*limitedListener); ok {
		s.busy, server.ConnState = limited.Busy, limited.connState
	}
	stopped := make(chan error, 1)
	go func() { stopped <- s.listen(server, listener) }()
	select {
	case err := <-stopped:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	if s.stopDelay > 0 {
		s.Log.Info("stop signal received; /readyz returns 503", "delay", s.stopDelay.String())
		select {
		case err := <-stopped:
			return fmt.Errorf("serve: %w", err)
		case <-time.After(s.stopDelay):
		}
	}
	return s.drain(context.WithoutCancel(ctx), server)
}

// answer closes the connection after the response while the service stops, so that the client connects to another
// server; while other connections are queued, so that they are accepted; and if the next request may not begin where
// net/http continues to read.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	if s.stopping.Load() || s.busy != nil && s.busy() || mayBeFaulty(r) {
		w.Header().Set("Connection", "close")
	}
	serveEarly(s.Handler, w, r, s.stopping.Load)
}

// mayBeFaulty reports whether the connection must be closed after r (RFC 9112, section 6.1): with chunks and a length,
// or chunks in HTTP/1.0, a proxy may have read a part of the body as the next request. Net/http continues after these,
// and does not distinguish them from chunks alone, or from HTTP/1.0 alone.
func mayBeFaulty(r *http.Request) bool { return len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1) }

func (s *Server) drain(ctx context.Context, server *http.Server) error {
	s.Log.Info("stopping", "timeout", drainTimeout.String())
	if s.releaseWaiters != nil {
		s.releaseWaiters()
	}
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop: requests still in progress after %s were cut off", drainTimeout), server.Close())
	}
	return nil
}
