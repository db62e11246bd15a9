package main

import (
	"regexp"
	"testing"
	"time"
)

// TestSystemdStopTime checks that systemd lets the service stop in its own time. The script .ci/systemd tests the rest.
func TestSystemdStopTime(t *testing.T) {
	t.Parallel()
	text := regexp.MustCompile(`(?m)^TimeoutStopSec=(.*)$`).FindStringSubmatch(deployed(t, "signpost.service"))[1]
	timeout, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	if stop := startLocal(t, t.TempDir()).stopTime(t); timeout < stop {
		t.Errorf("TimeoutStopSec: got %s, want at least %s", timeout, stop)
	}
}

// stopTime stops p, and returns the time that a stop may take: what it logs for requests in progress, then 15 s for
// deliveries, the lease of the sweep and traces.
func (p *process) stopTime(t *testing.T) time.Duration {
	t.Helper()
	p.stop(t)
	logged := regexp.MustCompile(`"msg":"stopping","timeout":"(.*?)"`).FindStringSubmatch(p.stderr.String())
	if logged == nil {
		t.Fatalf("got %s, want a line with the time for requests", p.stderr)
	}
	requests, err := time.ParseDuration(logged[1])
	if err != nil {
		t.Fatal(err)
	}
	return requests + 15*time.Second
}
