package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/tracing"
)

// traceTimeout is how long the service tries to send the last spans when it stops.
const traceTimeout = 5 * time.Second

// startTraces returns nil if traces are off.
func startTraces(ctx context.Context, c config.Config, log *slog.Logger, version string) (*tracing.Tracing, error) {
	if !c.Traces {
		return nil, nil
	}
	return tracing.New(ctx, version, log)
}

// stopTraces sends the last spans.
func (s *Server) stopTraces() {
	if s.traces == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), traceTimeout)
	defer cancel()
	if err := s.traces.Shutdown(ctx); err != nil {
		s.Log.Warn("trace export failed", "error", err)
	}
}
