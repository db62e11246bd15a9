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

// TestReadmeAPI runs the commands of openapi/README.md in one shell, against a real service.
func TestReadmeAPI(t *testing.T) {
	slowTest(t)
	needs(t, "sh", "curl", "cut", "grep", "dd")
	readme, err := os.ReadFile("../../openapi/README.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(readme), -1) {
		script.WriteString(block[1])
	}
	folder := t.TempDir()
	p := startLocal(t, filepath.Join(folder, "data"))
	shell := exec.Command("sh", "-e", "-c", strings.ReplaceAll(script.String(), "http://127.0.0.1:8080", p.api))
	shell.Dir, shell.Env = folder, cleanEnv(t)
	output, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, output)
	}
	for text, count := range map[string]int{
		`"missing":[{"first":2,"last":2}]`: 1, `"status":"completed"`: 2, "<Error>": 0,
	} {
		if got := strings.Count(string(output), text); got != count {
			t.Errorf("got\n%s\nwith %d of %s, want %d", output, got, text, count)
		}
	}
	want, err := os.ReadFile(filepath.Join(folder, "big"))
	if err != nil {
		t.Fatal(err)
	}
	stored, err := filepath.Glob(filepath.Join(folder, "data/store/signpost/imports/public/*"))
	if err != nil || len(stored) != 1 {
		t.Fatalf("stored: got %q, %v, want one file", stored, err)
	}
	if got, err := os.ReadFile(stored[0]); err != nil || !bytes.Equal(got, want) {
		t.Errorf("stored: got %d bytes, %v, want the %d of the file", len(got), err, len(want))
	}
}
