package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
)

// Limits on connections. Answers are small and made at once; what takes longer is a client that is slow on purpose or gone.
const (
	headerTimeout  = 10 * time.Second
	requestTimeout = 30 * time.Second
	answerTimeout  = 60 * time.Second
	idleTimeout    = 2 * time.Minute
	drainTimeout   = 20 * time.Second // for requests under way when the service stops
	maxHeaderBytes = 16 << 10
)

// Listen opens the API's address.
func Listen(c Config) (net.Listener, error) {
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("SIGNPOST_LISTEN=%q: %w", c.Listen, innermost(err))
	}
	return listener, nil
}

// gcPercent is how much garbage may be made before it is collected, in per cent of what is in use, which is only some 3 MiB: twice
// Go's own value gives a twentieth more requests a second, for 10 MiB.
const gcPercent = 200

// Tune readies the process for many small requests. What GOGC says stays.
func Tune() {
	uuid.EnableRandPool() // ids cost no system call each
	if set := debug.SetGCPercent(gcPercent); set != 100 {
		debug.SetGCPercent(set)
	}
}

// Serve answers on listener until ctx ends, then finishes what is under way.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	select {
	case err := <-stopped:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping", "drain_limit", drainTimeout.String())
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop: requests were still under way after %s", drainTimeout), server.Close())
	}
	return nil
}

// NewLogger writes text where w is a terminal, JSON elsewhere.
func NewLogger(w io.Writer) *slog.Logger {
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return slog.New(slog.NewTextHandler(w, nil))
		}
	}
	return slog.New(slog.NewJSONHandler(w, nil))
}
