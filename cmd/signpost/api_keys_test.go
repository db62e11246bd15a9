package main

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// signpost runs a command that must succeed, and returns its output.
func signpost(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("signpost")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(path, args...)
	command.Env = cleanEnv(t)
	printed, err := command.Output()
	if err != nil {
		t.Fatalf("signpost %s: %v", args, err)
	}
	return strings.TrimSpace(string(printed))
}

// call creates an untracked import with a key, and returns the status.
func (p *process) call(t *testing.T, client *http.Client, key string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", p.api+"/import", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		r.Header.Set("X-Api-Key", key)
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

// eventually calls answer until it returns want. The service reads changed files within a second.
func eventually(t *testing.T, what string, answer func() any, want any) {
	t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		got := answer()
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: got %v, want %v", what, got, want)
		}
	}
}

// TestKeysAreRotated: a service on all interfaces reads changes of its keys.
func TestKeysAreRotated(t *testing.T) {
	slowTest(t)
	file := filepath.Join(t.TempDir(), "keys")
	old := signpost(t, "keygen", "alice", "--append", file)
	p := startLocal(t, t.TempDir(), "SIGNPOST_LISTEN=0.0.0.0:0", "SIGNPOST_API_KEYS_FILE="+file,
		"SIGNPOST_METRICS_LISTEN=127.0.0.1:0")
	if got := p.call(t, web, old); got != 200 {
		t.Errorf("with the key: got %d, want 200", got)
	}
	if got := p.call(t, web, ""); got != 401 {
		t.Errorf("without: got %d, want 401", got)
	}
	fresh := signpost(t, "keygen", "alice", "--append", file)
	eventually(t, "the new key", func() any { return p.call(t, web, fresh) }, 200)
	if got := p.call(t, web, old); got != 200 {
		t.Errorf("the old key beside it: got %d, want 200", got)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, last, _ := strings.Cut(string(text), "\n")
	if err := os.WriteFile(file, []byte(last), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the old key, taken out", func() any { return p.call(t, web, old) }, 401)
	if err := os.WriteFile(file, []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.await(t, p.stderr, "complaint about the file", func(s string) bool { return strings.Contains(s, "line 1") })
	if got := p.call(t, web, fresh); got != 200 {
		t.Errorf("with a broken file: got %d, want 200 as before", got)
	}
	for _, key := range []string{old, fresh} {
		if written := p.stdout.String() + p.stderr.String(); strings.Contains(written, key) {
			t.Error("a key was written")
		}
	}
}

// TestInvalidAuthentication: settings that would allow all callers, or none, are rejected at the start.
func TestInvalidAuthentication(t *testing.T) {
	slowTest(t)
	path, err := exec.LookPath("signpost")
	if err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(t.TempDir(), "missing")
	for _, c := range []struct{ settings, says []string }{
		{[]string{"SIGNPOST_LISTEN=0.0.0.0:0"}, []string{"SIGNPOST_LISTEN=", "SIGNPOST_API_KEYS_FILE"}},
		{[]string{"SIGNPOST_API_KEYS_FILE=" + missing},
			[]string{"SIGNPOST_API_KEYS_FILE=" + fmt.Sprintf("%q", missing), "no such file"}},
		{[]string{"SIGNPOST_OIDC_ISSUER=https://issuer.example"}, []string{"SIGNPOST_OIDC_AUDIENCE="}},
		{[]string{"SIGNPOST_OIDC_AUDIENCE=us"}, []string{"SIGNPOST_OIDC_ISSUER="}},
		{[]string{"SIGNPOST_OIDC_ISSUER=http://127.0.0.1:1", "SIGNPOST_OIDC_AUDIENCE=us"},
			[]string{"SIGNPOST_OIDC_ISSUER=", "127.0.0.1:1"}},
		{[]string{"SIGNPOST_OIDC_ISSUER=http://issuer.example", "SIGNPOST_OIDC_AUDIENCE=us"},
			[]string{"SIGNPOST_OIDC_ISSUER=", "https"}},
		{[]string{"SIGNPOST_TLS_CERT=" + missing}, []string{"SIGNPOST_TLS_KEY="}},
		{[]string{"SIGNPOST_TLS_CERT=" + missing, "SIGNPOST_TLS_KEY=" + missing},
			[]string{"SIGNPOST_TLS_CERT=", "open " + missing + ": no such file"}},
		{[]string{"SIGNPOST_TRUSTED_PROXIES=everyone"}, []string{"SIGNPOST_TRUSTED_PROXIES="}},
		{[]string{"SIGNPOST_METRICS_LISTEN=9090"}, []string{"SIGNPOST_METRICS_LISTEN=", "HOST:PORT"}},
		{[]string{"SIGNPOST_RATE_LIMIT=many", "SIGNPOST_MAX_CONNECTIONS=0", "SIGNPOST_MAX_CONNECTIONS_PER_CLIENT=-1",
			"SIGNPOST_STOP_DELAY=1h"}, []string{"SIGNPOST_RATE_LIMIT=", "SIGNPOST_MAX_CONNECTIONS=",
			"SIGNPOST_MAX_CONNECTIONS_PER_CLIENT=", "SIGNPOST_STOP_DELAY="}},
		{[]string{"SIGNPOST_CONTENT_TYPES=csv,Text/CSV,*/*"}, []string{`SIGNPOST_CONTENT_TYPES="csv,Text/CSV,*/*"`}},
		{[]string{"SIGNPOST_MAX_OPEN_UPLOADS=1001"}, []string{"SIGNPOST_MAX_OPEN_UPLOADS="}},
	} {
		p := launch(t, exec.Command(path, "serve"),
			append([]string{"SIGNPOST_LISTEN=127.0.0.1:0", "SIGNPOST_LOCAL_LISTEN=127.0.0.1:0",
				"SIGNPOST_DATA_DIR=" + t.TempDir()}, c.settings...)...)
		if status := p.wait(t); status.ExitStatus() != 1 {
			t.Errorf("%s: got exit status %d, want 1", c.settings, status.ExitStatus())
		}
		for _, part := range c.says {
			if !strings.Contains(p.stderr.String(), part) {
				t.Errorf("%s: got %s, want %s in it", c.settings, p.stderr, part)
			}
		}
	}
}

// TestRelativePaths: relative paths belong to the folder in which the service was started, also when files are
// reloaded.
func TestRelativePaths(t *testing.T) {
	t.Chdir(t.TempDir())
	writeCertificate(t, ".", 1)
	old := signpost(t, "keygen", "alice", "--append", "keys")
	p := startLocal(t, t.TempDir(), "SIGNPOST_API_KEYS_FILE=keys", "SIGNPOST_TLS_CERT=cert.pem",
		"SIGNPOST_TLS_KEY=key.pem")
	p.api = regexp.MustCompile(` at (https://\S+)`).FindStringSubmatch(p.stdout.String())[1]
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		Timeout: limit}
	if got := p.call(t, client, old); got != 200 {
		t.Errorf("with the key: got %d, want 200", got)
	}
	fresh := signpost(t, "keygen", "alice", "--append", "keys")
	eventually(t, "the new key", func() any { return p.call(t, client, fresh) }, 200)
}
