package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"

	"golang.org/x/net/netutil"
)

// maxMetricsConnections limits the connections of the metrics listener, which Prometheus and health checks use.
const maxMetricsConnections = 16

// serveMetrics serves metrics and health checks until ctx ends. It answers also while all connections of the API are in
// use.
func serveMetrics(ctx context.Context, listener net.Listener, metrics, health http.Handler, log *slog.Logger) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.Handle("/healthz", health)
	mux.Handle("/readyz", health)
	server := newHTTPServer(mux, log)
	context.AfterFunc(ctx, func() { _ = server.Close() })
	err := server.Serve(netutil.LimitListener(listener, maxMetricsConnections))
	if !errors.Is(err, http.ErrServerClosed) {
		log.Error("metrics listener stopped", "error", err)
	}
}
