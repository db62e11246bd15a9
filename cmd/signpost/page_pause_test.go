//go:build !race

package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
)

// TestPagePauses: an upload is shown as paused only after its requests have ended, the one that creates its import too.
func TestPagePauses(t *testing.T) {
	browserTest(t)
	p := startLocal(t, t.TempDir())
	b := browse(t, p)
	path, content := randomFile(t, "file.bin", 20*mib)
	b.hold("POST", "import")
	b.choose(path)
	b.held("the page asks the service for an import")
	b.press("file.bin", "pause")
	b.state("file.bin", "pausing")
	if focused := b.focused(); focused != "resume" {
		t.Errorf("after Pause: got %q focused, want the button in its place", focused)
	}
	b.release(client.Problem{})
	b.state("file.bin", "paused")

	b.holdParts(2)
	b.press("file.bin", "resume")
	b.share("file.bin", 0.2)
	b.press("file.bin", "pause")
	b.state("file.bin", "paused")
	b.releaseParts()
	b.press("file.bin", "resume")
	p.holds(t, b.state("file.bin", "completed"), content)
	p.wantOneImport(t)
}

// TestPagePauseUndone: an upload that is resumed before it has paused continues.
func TestPagePauseUndone(t *testing.T) {
	browserTest(t)
	p := startLocal(t, t.TempDir())
	b := browse(t, p)
	path, content := randomFile(t, "file.bin", 20*mib)
	b.hold("POST", "import")
	b.choose(path)
	b.held("the page asks the service for an import")
	b.press("file.bin", "pause")
	b.state("file.bin", "pausing")
	b.press("file.bin", "resume")
	b.release(client.Problem{})
	p.holds(t, b.state("file.bin", "completed"), content)
	p.wantOneImport(t)
}

// TestPagePausesAll: the button that resumes all takes the focus of the one that paused them.
func TestPagePausesAll(t *testing.T) {
	browserTest(t)
	p := startLocal(t, t.TempDir())
	b := browse(t, p)
	one, _ := randomFile(t, "one.bin", 20*mib)
	two, _ := randomFile(t, "two.bin", 20*mib)
	b.holdParts(1)
	b.choose(one, two)
	b.state("one.bin", "sending")
	b.state("two.bin", "sending")
	press := func(id string) {
		t.Helper()
		b.until(id+" can be pressed", fmt.Sprintf(`!document.getElementById(%q).hidden`, id))
		eval[any](b, fmt.Sprintf(`(() => { const b = document.getElementById(%q); b.focus(); b.click(); return null })()`,
			id))
	}
	press("pause-all")
	b.state("one.bin", "paused")
	b.state("two.bin", "paused")
	b.until("the other button is focused", `document.activeElement.id === "resume-all"`)
	b.releaseParts()
	press("resume-all")
	b.state("one.bin", "completed")
	b.state("two.bin", "completed")
}

// wantOneImport checks that the page created no second import for the same file.
func (p *process) wantOneImport(t *testing.T) {
	t.Helper()
	if imports := strings.Split(signpost(t, "list", "--server", p.api, "--json"), "\n"); len(imports) != 1 {
		t.Errorf("imports: got\n%s\nwant one", strings.Join(imports, "\n"))
	}
}
