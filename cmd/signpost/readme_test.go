package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadme runs the commands of the README in one shell, against a real service.
func TestReadme(t *testing.T) {
	slowTest(t)
	needs(t, "sh", "curl", "cut", "grep", "dd", "tar")
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(readme), -1) {
		if regexp.MustCompile("127.0.0.1:8080|send_part|bin/signpost upload").MatchString(block[1]) {
			script.WriteString(block[1])
		}
	}
	folder := checkout(t)
	files := map[string]string{"README.md": string(readme), "report.csv": "report", "notes.txt": "notes",
		"photos/a.jpg": "photo"}
	if err := os.Mkdir(filepath.Join(folder, "photos"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := startLocal(t, filepath.Join(folder, "data"))
	shell := exec.Command("sh", "-e", "-c", strings.ReplaceAll(script.String(), "http://127.0.0.1:8080", p.api))
	shell.Dir, shell.Env = folder, append(cleanEnv(t), "SIGNPOST_URL="+p.api)
	said, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, said)
	}
	for _, promised := range []string{`"missing":[{"first":2,"last":2}]`, `"status":"completed"`} {
		if !strings.Contains(string(said), promised) {
			t.Errorf("got\n%s\nwant %s in it, as the README says", said, promised)
		}
	}
	for _, name := range []string{"report.csv", "photos/a.jpg", "notes.txt", "-"} {
		if !strings.Contains(string(said), "uploaded "+name+" as ") {
			t.Errorf("got\n%s\nwant %s uploaded by signpost upload", said, name)
		}
	}
	if strings.Count(string(said), `"status":"completed"`) != 2 || strings.Contains(string(said), "<Error>") {
		t.Errorf("got\n%s\nwant two completed imports and no error", said)
	}
	big, err := os.ReadFile(filepath.Join(folder, "big"))
	if err != nil {
		t.Fatal(err)
	}
	stored, err := filepath.Glob(filepath.Join(folder, "data/store/signpost/imports/public/*"))
	if err != nil {
		t.Fatal(err)
	}
	var readmes, bigs int
	for _, name := range stored {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(content, readme) {
			readmes++
		}
		if bytes.Equal(content, big) {
			bigs++
		}
	}
	if readmes != 2 || bigs != 1 || len(stored) != 7 {
		t.Errorf("stored: got %d READMEs and %d big files in %d, want 2 and 1 in 7", readmes, bigs, len(stored))
	}
}

// checkout returns a folder with bin/signpost, as make build leaves it.
func checkout(t *testing.T) string {
	t.Helper()
	binary, err := exec.LookPath("signpost")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(binary, filepath.Join(folder, "bin/signpost")); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestReadmeCommandsPaste checks that each command runs when it is pasted: an interactive zsh passes a comment to the
// command, and make build does not put signpost on the PATH.
func TestReadmeCommandsPaste(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	unpasteable := regexp.MustCompile(`(^|\s)#|(^|[|(&;]\s*)signpost `)
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(readme), -1) {
		for line := range strings.Lines(block[1]) {
			if unpasteable.MatchString(line) {
				t.Errorf("got %q, want no comment, and bin/signpost", line)
			}
		}
	}
}

// TestReadmeWebhookKeys runs what the README says about webhook keys. It ends with the secret of a host.
func TestReadmeWebhookKeys(t *testing.T) {
	t.Parallel()
	needs(t, "sh")
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```sh\n([^`]*bin/signpost webhooks keygen > .*?)```").FindSubmatch(readme)
	if block == nil {
		t.Fatal("the README has no commands for webhook keys")
	}
	shell := exec.Command("sh", "-e", "-c", string(block[1]))
	shell.Dir, shell.Env = checkout(t), cleanEnv(t)
	printed, err := shell.CombinedOutput()
	if err != nil || !regexp.MustCompile(`^whsec_[A-Za-z0-9+/]{43}=\n$`).Match(printed) {
		t.Fatalf("got %s, %v, want one secret", printed, err)
	}
	file, err := os.Stat(filepath.Join(shell.Dir, "webhook-secrets"))
	if err != nil || file.Mode() != 0o600 {
		t.Errorf("webhook-secrets: got %v, %v, want mode 0600", file, err)
	}
}
