package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// attack is what a hostile server puts into every string: a title sequence, an 8-bit CSI, DEL, a change of direction
// and a forged line.
const attack = "x\x1b]0;owned\x07\u009b31m\x7f\u202egpj\r\nFORGED\x1b[2J"

// anID has the form of an import's id.
const anID = "01890000-0000-7000-8000-000000000001"

// hostileServer responds to each method and path with the JSON of an answer, and to all HEAD requests.
type hostileServer struct {
	*httptest.Server
	mu     sync.Mutex // guards answer and what it reads
	answer func(r *http.Request) (status int, body any)
}

// update runs f, which may change the answers, between two responses.
func (h *hostileServer) update(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

func newHostileServer(t *testing.T, answer func(r *http.Request) (status int, body any)) *hostileServer {
	t.Helper()
	h := &hostileServer{answer: answer}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Method == http.MethodHead {
			return
		}
		h.mu.Lock()
		status, body := h.answer(r)
		h.mu.Unlock()
		text, ok := body.(string)
		if !ok {
			encoded, err := json.Marshal(body)
			if err != nil {
				t.Error(err)
			}
			text = string(encoded)
			w.Header().Set("Content-Type", "application/json")
		}
		w.Header().Set("ETag", "\"\u009b31m\u202egpj\"") // net/http refuses control characters below U+0080 in headers
		if status == http.StatusFound {
			w.Header().Set("Location", text)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}))
	t.Cleanup(h.Close)
	return h
}

// against runs signpost with an empty home directory.
func (h *hostileServer) against(t *testing.T, dir string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, problems strings.Builder
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	c := exec.CommandContext(ctx, "signpost", args...)
	c.Dir, c.Stdout, c.Stderr = dir, &out, &problems
	c.Env = append(cleanEnv(t), "SIGNPOST_URL="+h.URL, "XDG_CACHE_HOME="+t.TempDir())
	_ = c.Run()
	if ctx.Err() != nil {
		t.Errorf("%q: still running after %v; stderr: %s", args, limit, &problems)
	}
	return out.String(), problems.String(), c.ProcessState.ExitCode()
}

// hostileJob is an import of which every string is an attack. Its status is what the command under test requires.
func hostileJob(status, store string) map[string]any {
	return map[string]any{
		"id": anID, "status": status, "filename": attack, "relative_path": attack, "content_type": attack, "size": 6,
		"metadata":     map[string]string{attack: attack},
		"checksum":     map[string]any{"algorithm": attack, "value": attack, "verified": true},
		"created_at":   "2026-01-01T00:00:00Z",
		"object":       map[string]any{"bucket": attack, "key": attack, "etag": attack},
		"error":        map[string]any{"code": attack, "detail": attack},
		"upload":       map[string]any{"method": "PUT", "url": store + "/put", "headers": map[string]string{}},
		"download_url": store + "/get",
	}
}

// TestHostileStringsOnTerminal: the progress bars move the cursor, and no name or error does.
func TestHostileStringsOnTerminal(t *testing.T) {
	t.Parallel()
	needs(t, "script")
	store := newHostileServer(t, func(*http.Request) (int, any) {
		return 400, "<Error><Code>\u009b2Jx</Code><Message>\u009b2J\x7f</Message></Error>"
	})
	h := newHostileServer(t, func(*http.Request) (int, any) { return 200, hostileJob("awaiting_upload", store.URL) })
	dir := t.TempDir()
	for _, name := range []string{"a\x1b]0;owned\x07.csv", "b\u009b2J.csv"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("a,b,c\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command("script", "-qefc", "stty rows 24 cols 100; exec signpost upload --recursive .", "/dev/null")
	c.Dir = dir
	c.Env = append(cleanEnv(t), "SIGNPOST_URL="+h.URL, "TERM=xterm", "XDG_CACHE_HOME="+t.TempDir())
	said, _ := c.CombinedOutput()
	if !strings.Contains(string(said), "the store returned 400") {
		t.Fatalf("got %q, want the store's error", said)
	}
	for _, sequence := range []string{"\x1b]", "\u009b", "\x7f", "\x07"} {
		if strings.Contains(string(said), sequence) {
			t.Errorf("the terminal got %q in %q", sequence, said)
		}
	}
}

// TestHostileRequests: the client sends no requests of a hostile service except S3 uploads and downloads.
func TestHostileRequests(t *testing.T) {
	slowTest(t)
	var mu sync.Mutex
	var received []string
	victim := newHostileServer(t, func(r *http.Request) (int, any) {
		mu.Lock()
		defer mu.Unlock()
		received = append(received, r.Method+" "+r.URL.Path)
		return 200, "x"
	})
	redirecting := newHostileServer(t, func(*http.Request) (int, any) { return 302, victim.URL + "/redirected" })
	at := strings.TrimPrefix(victim.URL, "http://")
	file := filepath.Join(t.TempDir(), "a.csv")
	big := filepath.Join(t.TempDir(), "big.bin")
	err := errors.Join(os.WriteFile(file, []byte("a,b,c\n"), 0o600), os.WriteFile(big, make([]byte, 6<<20), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	none := map[string]string{}
	for _, c := range []struct {
		method, url string
		headers     map[string]string
		says        string
	}{
		{"DELETE", victim.URL + "/internal?X-Amz-Signature=secret", none,
			"refused to send DELETE " + victim.URL + "/internal from the service: only PUT is allowed"},
		{"POST", victim.URL + "/internal", none, "only PUT is allowed"},
		{"GET", victim.URL + "/internal", none, "only PUT is allowed"},
		{"PUT", victim.URL + "/internal", map[string]string{"Authorization": "Bearer x"},
			"header Authorization is not a header of S3 uploads"},
		{"PUT", "http://user:pass@" + at + "/internal", none, "a URL with a user name or password is not allowed"},
		{"PUT", "gopher://" + at + "/internal", none, "only http and https URLs are allowed"},
		{"PUT", redirecting.URL + "/key", none, "the store returned 302"},
	} {
		signed := map[string]any{"method": c.method, "url": c.url, "headers": c.headers}
		h := newHostileServer(t, func(r *http.Request) (int, any) {
			job := map[string]any{"id": anID, "status": "awaiting_upload", "upload": signed,
				"multipart": map[string]any{"part_size": 5 << 20}}
			if strings.HasSuffix(r.URL.Path, "/parts") {
				first, second := maps.Clone(signed), maps.Clone(signed)
				first["part_number"], second["part_number"] = 1, 2
				return 200, map[string]any{"parts": []any{first, second}}
			}
			return 200, job
		})
		for _, args := range [][]string{{"upload", file}, {"upload", "--part-size", "5MiB", "--checksum", "none", big}} {
			_, stderr, status := h.against(t, t.TempDir(), args...)
			leaked := strings.Contains(stderr, "secret") || strings.Contains(stderr, "pass@")
			if status != 1 || !strings.Contains(stderr, c.says) || leaked {
				t.Errorf("%s %s, %q: got status %d and %s, want %s", c.method, c.url, args, status, stderr, c.says)
			}
		}
	}
	for url, says := range map[string]string{
		"file://" + file: "only http and https URLs are allowed", "http://user:pass@" + at + "/": "a URL with a user name",
		redirecting.URL + "/get": "the store returned 302",
	} {
		h := newHostileServer(t, func(*http.Request) (int, any) {
			return 200, map[string]any{"id": anID, "status": "completed", "filename": "a.csv", "download_url": url}
		})
		if _, stderr, status := h.against(t, t.TempDir(), "download", anID); status != 1 || !strings.Contains(stderr, says) {
			t.Errorf("download from %s: got status %d and %s, want 1 and %s", url, status, stderr, says)
		}
	}
	if len(received) > 0 {
		t.Errorf("another host received %q", received)
	}
}
