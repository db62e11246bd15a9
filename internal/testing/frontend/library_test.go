package frontend

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/gen/browser"
)

// TestLibraryTypes compiles testdata/library/library.ts in tsc's strict mode. It uses all declarations of client.d.ts.
func TestLibraryTypes(t *testing.T) {
	needs(t, "node", "npm")
	dir := install(t, "typescript/package.json", "typescript/package-lock.json", "library/tsconfig.json",
		"library/library.ts")
	for name, content := range map[string][]byte{"client.d.ts": browser.Types, "client.js": browser.Module} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, dir, "node_modules/.bin/tsc")

	program, err := os.ReadFile("testdata/library/library.ts")
	if err != nil {
		t.Fatal(err)
	}
	words := regexp.MustCompile(`\w+`).FindAllString(string(program), -1)
	declarations := regexp.MustCompile(`(?m)^(?:export (\w+) | +(?:readonly )?)(\w+)\b(?:\??[:(]| extends| =| \{)`)
	var values []string // those that exist at run time
	for _, found := range declarations.FindAllStringSubmatch(string(browser.Types), -1) {
		kind, name := found[1], found[2]
		if kind == "class" || kind == "function" {
			values = append(values, name)
		}
		if !slices.Contains(words, name) {
			t.Errorf("library.ts does not use %s of client.d.ts", name)
		}
	}
	const list = "console.log(Object.keys(await import('./client.js')).join(' '))"
	exported := strings.Fields(run(t, dir, "node", "--input-type=module", "--eval", list))
	slices.Sort(values)
	if slices.Sort(exported); !slices.Equal(exported, values) {
		t.Errorf("client.js exports %q, want what client.d.ts declares: %q", exported, values)
	}
}

// TestSourceTypes checks the types that comments declare in the sources of library and web UI.
func TestSourceTypes(t *testing.T) {
	needs(t, "node", "npm")
	dir := install(t, "typescript/package.json", "typescript/package-lock.json", "library/source.json")
	for _, part := range []string{"client", "ui"} {
		if err := os.CopyFS(filepath.Join(dir, "web", part), os.DirFS(filepath.Join("../../web", part))); err != nil {
			t.Fatal(err)
		}
	}
	// The source of the declarations has no types of the contract.
	if err := os.WriteFile(filepath.Join(dir, "web/client/upload.d.ts"), browser.Types, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "node_modules/.bin/tsc", "--project", "source.json")
}
