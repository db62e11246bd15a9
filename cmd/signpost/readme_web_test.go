package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestReadmeFetch runs the example of internal/web/README.md that uploads with fetch.
func TestReadmeFetch(t *testing.T) {
	t.Parallel()
	needs(t, "node")
	readme, err := os.ReadFile("../../internal/web/README.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)## How do I use fetch\\?.*?```js\n(.*?)```").FindSubmatch(readme)
	if example == nil {
		t.Fatal("internal/web/README.md has no example with fetch")
	}
	folder := t.TempDir()
	p := startLocal(t, filepath.Join(folder, "data"))
	script := fmt.Sprintf("const service = %q, file = new File(['content'], 'Grüße.txt')\n%s", p.api, example[1])
	node := exec.Command("node", "--input-type=module", "--eval", script)
	node.Env = cleanEnv(t)
	if output, err := node.CombinedOutput(); err != nil {
		t.Fatalf("%v:\n%s", err, output)
	}
	stored, err := filepath.Glob(filepath.Join(folder, "data/store/signpost/imports/public/*"))
	if err != nil || len(stored) != 1 {
		t.Fatalf("stored: got %q, %v, want one file", stored, err)
	}
	if got, err := os.ReadFile(stored[0]); err != nil || string(got) != "content" {
		t.Errorf("stored: got %q, %v, want the content of the file", got, err)
	}
}
