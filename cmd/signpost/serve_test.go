package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
)

// TestGreeting runs the three printed commands unchanged, in another folder than the service. The data folder is a
// relative path that needs quotes.
func TestGreeting(t *testing.T) {
	needs(t, "sh", "curl", "cut", "ls")
	t.Chdir(t.TempDir())
	p := startLocal(t, "the user's data")
	lines := regexp.MustCompile(`(?m)^  .*\n`).FindAllString(p.stdout.String(), -1)
	if len(lines) != 3 {
		t.Fatalf("greeting: got %d lines to try, want 3:\n%s", len(lines), p.stdout)
	}
	want := bytes.Repeat([]byte("read me\r\n\x00"), 1000)
	shell := exec.Command("sh", "-e", "-c", strings.Join(lines, ""))
	shell.Dir, shell.Env = t.TempDir(), cleanEnv(t)
	if err := os.WriteFile(filepath.Join(shell.Dir, "README.md"), want, 0o600); err != nil {
		t.Fatal(err)
	}
	listing, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, listing)
	}
	files, err := filepath.Glob(filepath.Join(p.dir, "store", localBucket, "imports", "public", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("stored: got %q, %v, want one file", files, err)
	}
	if got, err := os.ReadFile(files[0]); err != nil || !bytes.Equal(got, want) {
		t.Errorf("stored: got %d bytes, %v, want the %d of README.md", len(got), err, len(want))
	}
	if !strings.Contains(string(listing), filepath.Base(files[0])) {
		t.Errorf("ls: got\n%swant %s", listing, filepath.Base(files[0]))
	}
}

// TestGreetingWithMaxSize: no command is printed that the settings forbid.
func TestGreetingWithMaxSize(t *testing.T) {
	t.Parallel()
	p := startLocal(t, t.TempDir(), "SIGNPOST_MAX_SIZE=10")
	if strings.Contains(p.stdout.String(), "curl") {
		t.Errorf("got commands that are refused:\n%s", p.stdout)
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startLocal(t, dir)
	settings := p.sameAddresses(t)
	keyID, secret := p.credentials(t)
	awaited, done := p.create(t), p.create(t)
	upload(t, done.UploadURL, []byte("kept"))
	p.stop(t)

	p = startLocal(t, dir, settings...)
	if id, s := p.credentials(t); id != keyID || s != secret {
		t.Error("credentials changed")
	}
	p.wantStatus(t, done.ID, client.ImportStatusCompleted)
	p.wantStatus(t, awaited.ID, client.ImportStatusAwaitingUpload)
	upload(t, awaited.UploadURL, []byte("signed before the restart"))
	p.wantStatus(t, awaited.ID, client.ImportStatusCompleted)
}

func TestLogHasOneLineForEachRequest(t *testing.T) {
	t.Parallel()
	p := startLocal(t, t.TempDir())
	job := p.create(t)
	requests := []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/import", "", 200},
		{"POST", "/import/", "", 200},
		{"POST", "/import", `{"filename":"a.csv"}`, 201},
		{"POST", "/import", `{"nonsense":1}`, 400},
		{"POST", "/import", `{`, 400},
		{"GET", "/import/" + job.ID, "", 200},
		{"GET", "/import/" + job.ID + "?X-Amz-Signature=0", "", 200},
		{"GET", "/import/00000000-0000-7000-8000-000000000000", "", 404},
		{"GET", "/nowhere", "", 404},
		{"PUT", "/import", "", 405},
		{"GET", "/healthz", "", 200},
		{"GET", "/readyz", "", 200},
		{"GET", "/docs", "", 200},
	}
	ids := make([]string, len(requests))
	for i, r := range requests {
		status, header, body := p.do(t, r.method, r.path, r.body)
		if status != r.status {
			t.Errorf("%s %s %s: got %d %s, want %d", r.method, r.path, r.body, status, body, r.status)
		}
		ids[i] = header.Get("X-Request-Id")
	}
	p.stop(t)
	lines := logLines(t, p)
	for i, r := range requests {
		if got := lines[ids[i]]; len(got) != 1 || got[0].Status != r.status || got[0].Method != r.method {
			t.Errorf("%s %s: got log lines %+v, want one with status %d", r.method, r.path, got, r.status)
		}
	}
	if got, want := len(lines), len(requests)+1; got != want { // one more: create
		t.Errorf("got lines for %d requests, want %d", got, want)
	}
}

type logLine struct {
	Msg, Method string
	Status      int
	RequestID   string `json:"request_id"`
}

// logLines returns the log lines of requests, by request id.
func logLines(t *testing.T, p *process) map[string][]logLine {
	t.Helper()
	found := map[string][]logLine{}
	for text := range strings.Lines(p.stderr.String()) {
		var line logLine
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if line.Msg == "request" {
			found[line.RequestID] = append(found[line.RequestID], line)
		}
	}
	return found
}

// The output of the store becomes log lines. Each process checks that they are JSON.
func TestStoreChatter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startLocal(t, dir)
	signed := p.createUntracked(t)
	temporary := filepath.Join(dir, "store", localBucket, ".sgwtmp") // where the store writes objects first
	if err := os.RemoveAll(temporary); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(temporary, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), "PUT", signed.String(), strings.NewReader("content"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	p.await(t, p.stderr, "line about the store",
		func(s string) bool { return strings.Contains(s, `"msg":"local store message"`) })
}
