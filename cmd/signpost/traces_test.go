package main

import (
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/signpost-s3/signpost/internal/testing/otlptest"
)

// TestTraces: the variables of OpenTelemetry turn traces on and off, and what was recorded is sent before the process
// ends.
func TestTraces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		settings []string
		want     int // spans
	}{
		{nil, 1},
		{[]string{"OTEL_TRACES_EXPORTER=otlp", "OTEL_TRACES_SAMPLER=always_off"}, 0},
		{[]string{"OTEL_TRACES_EXPORTER=none"}, 0},
		{[]string{"OTEL_SDK_DISABLED=true"}, 0},
	} {
		collector := otlptest.Start(t, http.StatusOK)
		p := startLocal(t, t.TempDir(), append(c.settings, "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.Endpoint)...)
		p.do(t, "POST", "/import", "")
		p.signal(t, syscall.SIGTERM)
		p.wait(t)
		if got := collector.Spans("POST /import"); len(got) != c.want {
			t.Errorf("%v: got spans %v, want %d; log:\n%s", c.settings, got, c.want, p.stderr)
		}
	}
}

// TestReadmeTraces runs the command of OPERATIONS.md that turns on traces, in each shell.
func TestReadmeTraces(t *testing.T) {
	t.Parallel()
	command := commandsOf(t, "OPERATIONS.md", regexp.MustCompile(`OTEL_`).MatchString)
	for _, shell := range shells {
		needs(t, shell)
		collector := otlptest.Start(t, http.StatusOK)
		script := strings.ReplaceAll(command, "http://localhost:4318", collector.Endpoint)
		p := launch(t, exec.Command(shell, "-c", script), "SIGNPOST_DATA_DIR="+t.TempDir(),
			"SIGNPOST_LISTEN="+freeAddress(t), "SIGNPOST_LOCAL_LISTEN="+freeAddress(t))
		p.awaitStart(t)
		p.do(t, "POST", "/import", "")
		p.signal(t, syscall.SIGTERM)
		p.wait(t)
		if got := collector.Spans("POST /import"); len(got) != 1 || got[0].AboutTheService["service.name"] != "uploads" {
			t.Errorf("%s: got spans %v, want one of the service uploads; log:\n%s", shell, got, p.stderr)
		}
	}
}

// TestTracesSettingIgnored: a variable whose value the SDK ignores is logged without the value, which may be secret.
func TestTracesSettingIgnored(t *testing.T) {
	t.Parallel()
	collector := otlptest.Start(t, http.StatusOK)
	p := startLocal(t, t.TempDir(), "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.Endpoint,
		"OTEL_EXPORTER_OTLP_HEADERS=Bearer secret-token", "OTEL_EXPORTER_OTLP_CERTIFICATE=/no/such/file")
	p.signal(t, syscall.SIGTERM)
	p.wait(t)
	log := p.stderr.String()
	if n := strings.Count(log, `"msg":"OpenTelemetry setting ignored"`); n != 2 || strings.Contains(log, "secret-token") {
		t.Errorf("got %d lines about settings, want 2 without the secret:\n%s", n, log)
	}
}
