//go:build !race

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// TestHostileStrings: no string of a server and no file name controls the terminal or adds a line, whatever the
// command.
func TestHostileStrings(t *testing.T) {
	slowTest(t)
	code := strings.NewReplacer("\x1b", "", "\x07", "").Replace(attack) // XML has no C0
	storeError := "<Error><Code>" + code + "</Code><Message>\u009b2J\x7fx\nFORGED</Message>" +
		"<RequestId>\u009b2J\nFORGED</RequestId></Error>"
	store := newHostileServer(t, func(*http.Request) (int, any) { return 400, storeError })
	problem := map[string]any{"code": attack, "detail": attack, "request_id": attack, "title": attack, "status": 400,
		"errors": []any{map[string]any{"pointer": attack, "detail": attack},
			map[string]any{"parameter": attack, "detail": attack}}}
	job := func(status string) any { return hostileJob(status, store.URL) }
	list := map[string]any{"imports": []any{job("completed"), job(attack)}, "next_cursor": attack}
	always := func(status int, body any) func(*http.Request) (int, any) {
		return func(*http.Request) (int, any) { return status, body }
	}
	badID := hostileJob("completed", store.URL)
	badID["id"] = attack
	dir, odd := hostileFolder(t)
	for _, args := range [][]string{ // these send no requests
		{"upload", "--dry-run", odd}, {"upload", "missing\x1b[2J\nFORGED"}, {"status", attack},
	} {
		newHostileServer(t, always(400, problem)).harmless(t, dir, args...)
	}
	for _, c := range []struct {
		name   string
		answer func(*http.Request) (int, any)
	}{
		{"problem", always(400, problem)},
		{"gateway", always(403, map[string]any{"message": attack})},
		{"redirect", always(302, "http://\u009b2J.example/\u009b2J\u202e")},
		{"not JSON", always(200, attack)},
		{"completed import", always(200, job("completed"))},
		{"failed import", always(200, job("failed"))},
		{"import with a status of its own", always(200, job(attack))},
		{"import with an id of its own", always(200, badID)},
		{"new import", always(200, job("awaiting_upload"))},
		{"list", always(200, list)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHostileServer(t, c.answer)
			dir, odd := hostileFolder(t)
			for _, args := range [][]string{
				{"status", anID}, {"status", "--json", anID}, {"list", "--limit", "1"}, {"list", "--json", "--limit", "1"},
				{"abort", "--force", anID}, {"download", anID}, {"download", anID, "-o", odd},
				{"upload", "--wait", odd, "plain.csv"}, {"upload", "--json", odd},
			} {
				stdout := h.harmless(t, dir, args...)
				if args[1:2] != nil && args[1] == "--json" {
					meansSame(t, stdout)
				}
			}
		})
	}
}

// hostileFolder creates a folder with plain.csv and a file whose name is an attack.
func hostileFolder(t *testing.T) (dir, odd string) {
	t.Helper()
	dir = t.TempDir()
	odd = filepath.Join(dir, "a\x1b[2J\u009b31m\x7f\u202e\nFORGED.csv")
	for _, file := range []string{odd, filepath.Join(dir, "plain.csv")} {
		if err := os.WriteFile(file, []byte("a,b,c\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, odd
}

// harmless runs signpost against h, and checks what it prints.
func (h *hostileServer) harmless(t *testing.T, dir string, args ...string) (stdout string) {
	t.Helper()
	stdout, stderr, _ := h.against(t, dir, args...)
	harmless(t, fmt.Sprintf("%q: stdout", args), stdout)
	harmless(t, fmt.Sprintf("%q: stderr", args), stderr)
	return stdout
}

// harmless checks that text has only printable characters and line breaks, and no line of the attack.
func harmless(t *testing.T, what, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%s has a character that is not printable: %q", what, line)
		}
		if strings.HasPrefix(strings.TrimPrefix(line, "signpost: "), "FORGED") {
			t.Errorf("%s has a forged line: %q in %q", what, line, text)
		}
	}
}

// meansSame checks that lines of --json are JSON, and that a metadata key is unchanged.
func meansSame(t *testing.T, lines string) {
	t.Helper()
	for line := range strings.Lines(lines) {
		var got struct{ Metadata map[string]string }
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		if got.Metadata != nil && got.Metadata[attack] != attack {
			t.Errorf("metadata: got %q, want %q of %q", got.Metadata, attack, attack)
		}
	}
}
