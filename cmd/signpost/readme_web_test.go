package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeFetch runs the example of internal/web/README.md that uploads with fetch: against a service, and against a
// proxy that returns HTML.
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
	run := func(service string) ([]byte, error) {
		script := fmt.Sprintf("const service = %q, file = new File(['content'], 'Grüße.txt')\n%s", service, example[1])
		node := exec.Command("node", "--input-type=module", "--eval", script)
		node.Env = cleanEnv(t)
		return node.CombinedOutput()
	}
	if output, err := run(p.api); err != nil {
		t.Fatalf("%v:\n%s", err, output)
	}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "<html>Bad Gateway</html>", http.StatusBadGateway)
	}))
	defer proxy.Close()
	want := "Error: unexpected response of " + proxy.URL + ": status 502"
	if output, err := run(proxy.URL); err == nil || !strings.Contains(string(output), want) {
		t.Errorf("a proxy returns HTML: got %s, %v, want %s", output, err, want)
	}
	stored, err := filepath.Glob(filepath.Join(folder, "data/store/signpost/imports/public/*"))
	if err != nil || len(stored) != 1 {
		t.Fatalf("stored: got %q, %v, want one file", stored, err)
	}
	if got, err := os.ReadFile(stored[0]); err != nil || string(got) != "content" {
		t.Errorf("stored: got %q, %v, want the content of the file", got, err)
	}
}
