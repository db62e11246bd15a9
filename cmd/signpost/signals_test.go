package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestHangup: SIGHUP does not end a server. It logs the signal.
func TestHangup(t *testing.T) {
	t.Parallel()
	p := startLocal(t, t.TempDir())
	p.signal(t, syscall.SIGHUP)
	p.await(t, p.stderr, "line about SIGHUP", func(s string) bool { return strings.Contains(s, "SIGHUP ignored") })
	if status, _, _ := p.do(t, "GET", "/healthz", ""); status != 200 {
		t.Errorf("GET /healthz after SIGHUP: got %d, want 200", status)
	}
}

// TestOutputClosed: a server continues when the reader of its output has exited.
func TestOutputClosed(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("signpost")
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	program := exec.Command(path, "serve")
	program.Stderr = write
	p := launch(t, program, "SIGNPOST_LISTEN=127.0.0.1:0", "SIGNPOST_LOCAL_LISTEN=127.0.0.1:0",
		"SIGNPOST_DATA_DIR="+t.TempDir())
	write.Close()
	read.Close()
	p.awaitStart(t)
	for range 3 { // each writes a line of the access log
		if status, _, _ := p.do(t, "POST", "/import", ""); status != 200 {
			t.Errorf("POST /import with stderr closed: got %d, want 200", status)
		}
	}
}
