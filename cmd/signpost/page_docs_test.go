//go:build !race

package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/signpost-s3/signpost/openapi"
)

// docs opens the API reference of p.
func docs(t *testing.T, p *process) *tab {
	t.Helper()
	b := browse(t, p)
	b.showDocs(p)
	return b
}

func (b *tab) showDocs(p *process) {
	b.Helper()
	b.do(chromedp.Navigate(p.api + "/docs"))
	b.until("the operations are shown", createOperation+` != null`)
}

// createOperation is the operation POST /import of the API reference.
const createOperation = `document.querySelector("[id$=createImport]")`

// inCreate is an expression for the first element of createOperation that matches selector.
func inCreate(selector string) string {
	return fmt.Sprintf(`%s.querySelector(%q)`, createOperation, selector)
}

// tabTo moves the focus with Tab to an element that matches selector, and presses Enter.
func (b *tab) tabTo(selector string) {
	b.Helper()
	for range 100 {
		if eval[bool](b, fmt.Sprintf(`document.activeElement?.matches(%q) ?? false`, selector)) {
			b.do(chromedp.KeyEvent(kb.Enter))
			return
		}
		b.do(chromedp.KeyEvent(kb.Tab))
	}
	b.Fatalf("Tab does not reach %s", selector)
}

// execute sends the request of createOperation and returns its response.
func (b *tab) execute() string {
	b.Helper()
	const response = ".live-responses-table tbody .response-col_description"
	eval[any](b, inCreate(".btn-clear")+`?.click()`)
	b.until("no response is shown", inCreate(response)+` == null`)
	eval[any](b, inCreate(".execute")+`.click()`)
	b.until("the response is shown", inCreate(response)+` != null`)
	return eval[string](b, inCreate(response)+`.innerText`)
}

// TestDocs creates an import of each mode in the API reference; the first with the keyboard alone.
func TestDocs(t *testing.T) {
	browserTest(t)
	p := startLocal(t, t.TempDir())
	b := docs(t, p)
	if title := eval[string](b, `document.title + "; " + document.querySelector("h1").innerText`); title !=
		"Signpost API reference; Signpost API reference" {
		t.Errorf("titles: got %s, want Signpost API reference", title)
	}
	if n := eval[int](b, `document.querySelectorAll(".authorize, .authorization__btn").length`); n > 0 {
		t.Errorf("got %d buttons to authorize, want none: this service takes no API key", n)
	}
	b.tabTo("[id$=createImport] .opblock-summary-control")
	b.until("the operation is open", inCreate(".try-out__btn")+` != null`)
	b.tabTo("[id$=createImport] .try-out__btn")
	b.until("it can be tried", inCreate(".execute")+` != null`)
	b.tabTo("[id$=createImport] .execute")
	b.until("the response is shown", inCreate(".live-responses-table tbody .response-col_description")+` != null`)

	for mode, want := range map[string]string{
		"single": `"upload_url"`, "multipart": `"part_count": 2`, "form": `"fields"`,
	} {
		b.do(chromedp.SetValue(chromedp.CSS("[id$=createImport] .examples-select-element"), mode))
		eval[any](b, inCreate(".examples-select-element")+`.dispatchEvent(new Event("change", {bubbles: true}))`)
		if got := b.execute(); !strings.Contains(got, want) {
			t.Errorf("the example for %s: got %s, want %s in it", mode, got, want)
		}
	}
	b.follow("header nav a")
	b.do(chromedp.WaitReady(chromedp.CSS("#files")))
}

// TestDocsOrder: the page shows all operations, creates first.
func TestDocsOrder(t *testing.T) {
	browserTest(t)
	b := docs(t, startLocal(t, t.TempDir()))
	got := eval[[]string](b, `[...document.querySelectorAll(".opblock")].map((o) => o.id.split("-").at(-1))`)
	var want []string
	for _, operation := range openapi.Operations {
		want = append(want, operation.ID)
	}
	if len(got) == 0 || got[0] != "createImport" || !slices.Equal(slices.Sorted(slices.Values(got)),
		slices.Sorted(slices.Values(want))) {
		t.Errorf("got operations %q, want createImport and then the others of %q", got, want)
	}
}

// TestDocsWithKey calls the API with a key that was entered in the API reference.
func TestDocsWithKey(t *testing.T) {
	browserTest(t)
	keys := filepath.Join(t.TempDir(), "keys")
	key := signpost(t, "keygen", "alice", "--append", keys)
	b := docs(t, startLocal(t, t.TempDir(), "SIGNPOST_API_KEYS_FILE="+keys))
	b.authorize(key)
	eval[any](b, inCreate(".opblock-summary-control")+`.click()`)
	b.until("the operation is open", inCreate(".try-out__btn")+` != null`)
	eval[any](b, inCreate(".try-out__btn")+`.click()`)
	b.until("it can be tried", inCreate(".execute")+` != null`)
	if got := b.execute(); !strings.Contains(got, `"upload_url"`) {
		t.Errorf("create with an API key: got %s, want an upload_url", got)
	}
}

// authorize enters an API key.
func (b *tab) authorize(key string) {
	b.Helper()
	b.tabTo(".btn.authorize")
	b.until("a key is asked for", `document.querySelector(".dialog-ux input") != null`)
	b.do(chromedp.SendKeys(chromedp.CSS(".dialog-ux input"), key))
	eval[any](b, `document.querySelector(".dialog-ux .auth-btn-wrapper .authorize").click()`)
	b.until("the key is accepted", `document.querySelector(".dialog-ux input") == null`)
	eval[any](b, `document.querySelector(".dialog-ux .btn-done").click()`)
}

// TestDocsForEverybody: axe finds no violation in the API reference, in any state, in light and dark, at three widths.
func TestDocsForEverybody(t *testing.T) {
	browserTest(t)
	source := axeSource(t)
	keys := filepath.Join(t.TempDir(), "keys")
	signpost(t, "keygen", "alice", "--append", keys)
	b := docs(t, startLocal(t, t.TempDir(), "SIGNPOST_API_KEYS_FILE="+keys))
	b.judge(source, "closed")
	b.tabTo(".btn.authorize")
	b.until("a key is asked for", `document.querySelector(".dialog-ux input") != null`)
	b.judge(source, "asking for a key")

	b.showDocs(&process{api: strings.TrimSuffix(eval[string](b, `location.href`), "/docs")})
	const closed = `document.querySelectorAll(".opblock-summary-control[aria-expanded=false], .models-control[aria-expanded=false]")`
	eval[any](b, closed+`.forEach((button) => button.click())`)
	b.until("everything is open", closed+`.length == 0`)
	eval[any](b, inCreate(".try-out__btn")+`.click()`)
	b.until("it can be tried", inCreate(".execute")+` != null`)
	b.execute()
	b.judge(source, "open")
}
