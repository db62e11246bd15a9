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

// TestReadme runs what the README says to paste, one after another in one shell, against a real service.
func TestReadme(t *testing.T) {
	needs(t, "sh", "curl", "cut", "grep", "dd")
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(readme), -1) {
		if strings.Contains(block[1], "127.0.0.1:8080") || strings.Contains(block[1], "send_part") {
			script.WriteString(block[1])
		}
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "README.md"), readme, 0o600); err != nil {
		t.Fatal(err)
	}
	p := startLocal(t, filepath.Join(folder, "data"))
	shell := exec.Command("sh", "-e", "-c", strings.ReplaceAll(script.String(), "http://127.0.0.1:8080", p.api))
	shell.Dir, shell.Env = folder, cleanEnv(t)
	said, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, said)
	}
	for _, promised := range []string{`"missing":[{"first":2,"last":2}]`, `"status":"completed"`} {
		if !strings.Contains(string(said), promised) {
			t.Errorf("got\n%s\nwant %s in it, as the README says", said, promised)
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
	if readmes != 2 || bigs != 1 || len(stored) != 3 {
		t.Errorf("stored: got %d READMEs and %d big files in %d, want 2 and 1 in 3", readmes, bigs, len(stored))
	}
}

// TestReadmeWebhookKeys runs what the README says about webhook keys. It ends with the secret of a host.
func TestReadmeWebhookKeys(t *testing.T) {
	needs(t, "sh")
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```sh\n([^`]*signpost webhooks keygen > .*?)```").FindSubmatch(readme)
	if block == nil {
		t.Fatal("the README has no commands for webhook keys")
	}
	shell := exec.Command("sh", "-e", "-c", string(block[1]))
	shell.Dir, shell.Env = t.TempDir(), cleanEnv(t)
	printed, err := shell.CombinedOutput()
	if err != nil || !regexp.MustCompile(`^whsec_[A-Za-z0-9+/]{43}=\n$`).Match(printed) {
		t.Fatalf("got %s, %v, want one secret", printed, err)
	}
	file, err := os.Stat(filepath.Join(shell.Dir, "webhook-secrets"))
	if err != nil || file.Mode() != 0o600 {
		t.Errorf("webhook-secrets: got %v, %v, want mode 0600", file, err)
	}
}
