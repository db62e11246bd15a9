package server_test

import (
	"net"
	"net/http"
	"testing"

	"github.com/signpost-s3/signpost/internal/config"
)

// TestHealthBesideMetrics: the metrics listener serves health checks while all API connections are in use, also if the
// API accepts loopback host names only.
func TestHealthBesideMetrics(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	metrics := &service{address: free.Addr().String()}
	free.Close()
	s := startAs(t, config.Config{MaxConnections: 1, MetricsListen: metrics.address}, &service{})
	s.expectServed(t, s.dial(t))
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		request := bare("GET "+path+" HTTP/1.1", "Host: signpost.internal:9090")
		if response, body, err := roundTrip(metrics.dialFrom(t, "127.0.0.1"), request); err != nil ||
			response.StatusCode != http.StatusOK {
			t.Errorf("GET %s: got %v %s, %v, want 200", path, response, body, err)
		}
	}
	if response, body, err := roundTrip(metrics.dialFrom(t, "127.0.0.1"), metrics.head("POST /import")); err != nil ||
		response.StatusCode != http.StatusNotFound {
		t.Errorf("POST /import: got %v %s, %v, want 404: the API is not served here", response, body, err)
	}
}
