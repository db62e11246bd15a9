package frontend

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/openapi"
)

// TestTypeScript generates types from the OpenAPI document, compiles testdata/typescript/upload.ts with them in tsc's
// strictest mode, and uploads with it.
func TestTypeScript(t *testing.T) {
	needs(t, "node", "npm")
	dir := install(
		t, "typescript/package.json", "typescript/package-lock.json", "typescript/tsconfig.json", "typescript/upload.ts")
	if err := os.WriteFile(filepath.Join(dir, "openapi.yaml"), openapi.YAML, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "npm", "run", "--silent", "build")
	opened, keyed := serve(t, "", ""), serve(t, "", "alice")
	for _, test := range []struct {
		name    string
		service service
		size    int
	}{
		{"Grüße.txt", opened, 5 << 10},
		{"empty.csv", opened, 0},
		{"parts.bin", opened, 70 << 20}, // five parts of 16 MiB, more than it sends concurrently
		{"key.csv", keyed, 5 << 10},
		{"key.bin", keyed, 70 << 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			path, content := file(t, test.name, test.size)
			t.Setenv("SIGNPOST_API_KEY", test.service.key)
			id := strings.TrimSpace(run(t, dir, "node", "upload.js", test.service.url, path))
			test.service.wantStored(t, id, test.name, content)
		})
	}
	t.Run("WithoutKey", func(t *testing.T) {
		stranger := exec.CommandContext(t.Context(), "node", "upload.js", keyed.url)
		stranger.Dir = dir
		const want = "unauthenticated: This service requires credentials. Send an API key, as x-api-key: KEY."
		if out, err := stranger.CombinedOutput(); err == nil || !strings.Contains(string(out), want) {
			t.Errorf("upload without an API key: got %v, %s, want error %q", err, out, want)
		}
	})
}
