//go:build !race

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/signpost-s3/signpost/gen/client"
)

// axe judges pages by WCAG: https://github.com/dequelabs/axe-core.
const axe = "axe-core@4.14.1"

// axeSource returns the source of axe, which npm fetches.
func axeSource(t *testing.T) string {
	t.Helper()
	if os.Getenv("SIGNPOST_TEST_FRONTEND") == "" {
		t.Skip("accessibility is not checked: SIGNPOST_TEST_FRONTEND=1 fetches " + axe + " from npm")
	}
	dir := t.TempDir()
	pack := exec.Command("npm", "install", "--prefix", dir, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts",
		axe)
	if out, err := pack.CombinedOutput(); err != nil {
		t.Fatalf("npm install %s: %v\n%s", axe, err, out)
	}
	source, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// TestPageForEverybody: axe finds no violation in any state, in light and dark, at three widths.
func TestPageForEverybody(t *testing.T) {
	browserTest(t)
	source := axeSource(t)
	keys := filepath.Join(t.TempDir(), "keys")
	key := signpost(t, "keygen", "alice", "--append", keys)
	open := startLocal(t, t.TempDir(), "SIGNPOST_DOWNLOADS=true")
	asking := startLocal(t, t.TempDir(), "SIGNPOST_API_KEYS_FILE="+keys)

	b := browse(t, open)
	b.judge(source, "empty")
	done, _ := randomFile(t, "تقرير.pdf", 1000)
	b.drop(filepath.Dir(done)) // a folder, so that its name is shown
	b.state("تقرير.pdf", "completed")
	large, _ := randomFile(t, "large.bin", 20*mib)
	b.holdParts(2)
	b.choose(large)
	b.share("large.bin", 0.2)
	b.judge(source, "sending")
	b.press("large.bin", "pause")
	b.state("large.bin", "paused")
	b.judge(source, "paused")
	b.offline(true)
	b.press("large.bin", "resume")
	b.state("large.bin", "offline")
	b.judge(source, "offline")
	b.releaseParts()
	b.offline(false)
	b.reload()
	b.state("large.bin", "needs-file")
	b.judge(source, "waiting for its file")
	b.press("large.bin", "abort")
	b.until("it is aborted or gone", fmt.Sprintf(`["aborted", undefined].includes(%s?.dataset.state)`,
		row("large.bin")))
	b.judge(source, "aborted")

	l := b.another(open)
	l.hold("POST", "import")
	l.addFiles(5, "")
	l.held("the page creates an import")
	l.release(client.Problem{Status: 409, Code: "idempotency-key-reused"})
	l.until("one upload has failed", `document.querySelectorAll('li.upload[data-state="failed"]').length === 1`)
	l.addFiles(30, "photos/")
	l.until("all others are completed",
		`document.querySelector("#summary").textContent === "34 of 35 files completed · 1 failed"`)
	l.judge(source, "failed, folder folded, downloads")
	l.clickOn(".folder-row button")
	l.judge(source, "folder unfolded")
	l.clickOn(`#filters [data-filter="failed"]`)
	l.press("file-0.bin", "retry")
	l.until("no upload is listed", `!document.querySelector("#none").hidden`)
	l.judge(source, "empty filter result")
	l.clickOn(`#filters [data-filter="completed"]`)
	l.press("file-1.bin", "delete")
	l.judge(source, "question whether to delete")

	a := b.another(asking)
	a.choose(done)
	a.until("a key is asked for", `!document.querySelector("form#key").hidden`)
	a.judge(source, "asking for a key")
	eval[any](a, fmt.Sprintf(enterKey, key))
	a.state("تقرير.pdf", "completed")
}

// judge runs axe on the page, in both color schemes and at three widths.
func (b *tab) judge(source, state string) {
	b.Helper()
	eval[any](b, source+";null")
	for _, scheme := range []string{"light", "dark"} {
		call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
			// no color transitions
		}})
		for _, width := range []int64{320, 768, 1440} {
			b.do(chromedp.EmulateViewport(width, 900))
			found := eval[string](b, `axe.run().then((r) => r.violations.map((v) => v.id + ": " + v.help + " " + v.nodes.map((n) => n.html).join(" ")).join("\n"))`)
			if found != "" {
				b.Errorf("%s, %s, %d px wide: %s", state, scheme, width, found)
			}
			if wide := eval[int](b, `document.documentElement.scrollWidth`); int64(wide) > width {
				b.Errorf("%s, %d px wide: the page is %d wide, want nothing to scroll sideways", state, width, wide)
			}
		}
	}
}
