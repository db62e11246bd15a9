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
