//go:build !race

package main

import (
	"testing"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/page"
)

// TestPageEarlyFile: a file that is chosen before the script of the web UI is loaded is uploaded once.
func TestPageEarlyFile(t *testing.T) {
	browserTest(t)
	p := startLocal(t, t.TempDir())
	b := browse(t, p)
	call(b, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: "*/page/main.js"}}})
	call(b, page.Navigate, page.NavigateParams{URL: p.api + "/"}) // chromedp.Navigate would wait for the script
	b.until("the page is shown", `document.querySelector("#live") !== null`)
	path, content := randomFile(t, "early.txt", 5)
	b.choose(path)
	b.releaseParts()
	id := b.state("early.txt", "completed")
	p.holds(t, id, content)
	b.reload()
	b.until("the import is listed", `document.querySelector("#recent li[data-status=completed]") !== null`)
	if n := eval[int](b, `document.querySelectorAll("li.upload, #recent li").length`); n != 1 {
		t.Errorf("after a reload: got %d uploads and recent imports, want the one import", n)
	}
}
