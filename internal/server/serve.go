// Package serve is the service as a process of its own: who is asked, what is listened on, its life from start to stop.
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
)

// drainTimeout is how long requests under way get when the service stops.
const drainTimeout = 20 * time.Second

// gcPercent is how much garbage may be made before it is collected, in per cent of what is in use, which is only some 3 MiB: twice
// Go's own value gives a twentieth more requests a second, for 10 MiB.
const gcPercent = 200

// Tune prepares the process for many small requests. gogc is the value of the environment variable GOGC: if it is set, the runtime has
// read it, and it stays in force.
func Tune(gogc string) {
	uuid.EnableRandPool() // ids cost no system call each
	if gogc == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// Server answers HTTP. Handler and Log are all it needs; New gives it the rest.
type Server struct {
	Handler http.Handler
	Log     *slog.Logger
	// Notice is what the server does when its store has an object that was not there before; nil without New.
	Notice func(ctx context.Context, key string) error

	release   func()                  // ends the waiting of calls; nil: none waits
	tls       *certificate            // nil: plain HTTP
	metrics   net.Listener            // nil: none
	scrape    http.Handler            // what is served there
	busy      func() bool             // whether connections are queued; nil: it is not known
	stopDelay time.Duration           // for how long it serves on when it is told to stop
	stopping  atomic.Bool             // it has been told
	followers []func(context.Context) // notice changed files while it serves
}

// Serve answers on listener until ctx ends, then sends callers elsewhere, and finishes what is under way.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	following, unfollow := context.WithCancel(context.WithoutCancel(ctx)) // it serves on for a while when it is told to stop
	var others sync.WaitGroup
	defer others.Wait()
	defer unfollow()
	for _, follow := range s.followers {
		others.Go(func() { follow(following) })
	}
	if s.metrics != nil {
		metrics := s.server(s.scrape)
		others.Go(func() {
			if err := metrics.Serve(s.metrics); !errors.Is(err, http.ErrServerClosed) {
				s.Log.Error("metrics are served no more", "error", err.Error())
			}
		})
		defer metrics.Close()
	}

	server := s.server(http.HandlerFunc(s.answer))
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
		s.Log.Info("stopping soon; /readyz says so already", "delay", s.stopDelay.String())
		select {
		case err := <-stopped:
			return fmt.Errorf("serve: %w", err)
		case <-time.After(s.stopDelay):
		}
	}
	return s.drain(context.WithoutCancel(ctx), server)
}

// answer closes the connection after the response while the service stops, so that the client opens the next one elsewhere;
// while other connections are queued, so that they get their turn; and if the next request may not begin where net/http reads on.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	if s.stopping.Load() || s.busy != nil && s.busy() || mayBeFaulty(r) {
		w.Header().Set("Connection", "close")
	}
	serveEarly(s.Handler, w, r, s.stopping.Load)
}

// mayBeFaulty reports whether r's framing could be one after which a connection must be closed, lest what others took for a part of it be
// answered as a request (RFC 9112, section 6.1): chunks beside a length, or chunks in HTTP/1.0. Net/http reads on after these, and does
// not tell them from chunks alone, or from HTTP/1.0 alone.
func mayBeFaulty(r *http.Request) bool { return len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1) }

func (s *Server) drain(ctx context.Context, server *http.Server) error {
	s.Log.Info("stopping", "drain_limit", drainTimeout.String())
	if s.release != nil {
		s.release()
	}
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop: requests were still under way after %s", drainTimeout), server.Close())
	}
	return nil
}
