package frontend

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/signpost-s3/signpost/gen/client"
)

// TestReact runs the component that internal/web/README.md shows, in React's strict mode.
func TestReact(t *testing.T) {
	needs(t, "node", "npm", "chromium")
	component := reactComponent(t)
	if lines := strings.Count(component, "\n"); lines > 30 {
		t.Errorf("the component has %d lines, want at most 30", lines)
	}
	dir := install(t, "react/package.json", "react/package-lock.json", "react/main.jsx", "react/index.html")
	origin := serveFolder(t, dir)
	s := serve(t, origin, "")
	component = strings.ReplaceAll(component, "https://imports.example.com", s.url)
	if err := os.WriteFile(filepath.Join(dir, "uploader.jsx"), []byte(component), 0o600); err != nil {
		t.Fatal(err)
	}
	bundle(t, dir, "main.jsx")
	chromium := startChromium(t)

	for name, size := range map[string]int{"Grüße.bin": large, "empty.csv": 0} {
		t.Run(name, func(t *testing.T) {
			path, content := file(t, name, size)
			page := open(t, chromium, origin)
			if size > 0 {
				page.slow(t, 4<<20)
			}
			page.choose(t, path)
			if size > 0 {
				waitFor(t, page, "document.querySelector('progress').value > 0.1")
				call[chromedp.Void](t, page, "document.querySelectorAll('button')[0].click()")
				waitFor(t, page, "document.querySelector('output').value === 'paused'")
				page.slow(t, -1)
				call[chromedp.Void](t, page, "document.querySelectorAll('button')[1].click()")
			}
			id := waitFor(t, page, "/^import (.*) is completed$/.exec(document.querySelector('output').value)?.[1]")
			s.wantStored(t, id, name, content)
			if value := call[float64](t, page, "document.querySelector('progress').value"); value != 1 {
				t.Errorf("progress: got %v, want 1", value)
			}
			if errors := page.console.errors(); len(errors) > 0 {
				t.Errorf("console: got %q, want no errors", errors)
			}
		})
	}
	t.Run("Unmount", func(t *testing.T) {
		path, _ := file(t, "unwanted.bin", large)
		page := open(t, chromium, origin)
		page.slow(t, 4<<20)
		page.choose(t, path)
		waitFor(t, page, "document.querySelector('progress').value > 0.1")
		call[chromedp.Void](t, page, "root.unmount()")
		page.slow(t, -1)
		s.wantStatus(t, s.newest(t), client.ImportStatusAborted)
		s.wantNoParts(t)
	})
}

// waitFor waits until an expression of the page is true, and returns it as text.
func waitFor(t *testing.T, page tab, expression string) string {
	t.Helper()
	return call[string](t, page, fmt.Sprintf(`new Promise((resolve) => {
		const look = () => { const value = %s; value ? resolve(String(value)) : setTimeout(look, 50) };
		look();
	})`, expression))
}

// reactComponent returns the component in internal/web/README.md.
func reactComponent(t *testing.T) string {
	t.Helper()
	readme, err := os.ReadFile("../../web/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(readme), "```jsx\n")
	component, _, found := strings.Cut(after, "```")
	if !found {
		t.Fatal("internal/web/README.md shows no component")
	}
	return component
}
