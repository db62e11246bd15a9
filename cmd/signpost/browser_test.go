package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browserLimit bounds the waits for the web UI. A busy machine hashes and sends 100 MB slowly.
const browserLimit = 2 * time.Minute

// tab is a tab of a headless Chromium.
type tab struct {
	*testing.T
	ctx context.Context

	mu     sync.Mutex
	faults []string // errors of the console, except expected ones
}

// browser is the headless Chromium that all tests share. It starts with the first test that needs it.
var browser = sync.OnceValues(func() (context.Context, error) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		chromium, err = exec.LookPath("google-chrome")
	}
	if err != nil {
		return nil, err
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(chromium),
		chromedp.Env("LC_ALL=C.UTF-8")) // so that it finds files whose names are not ASCII
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it has none for root
	}
	allocator, closeBrowser := chromedp.NewExecAllocator(context.Background(), options...)
	atEnd = append(atEnd, closeBrowser)
	ctx, _ := chromedp.NewContext(allocator)
	return ctx, chromedp.Do(ctx)
})

// browserTest runs the test in parallel, and skips it in short mode and on machines without a browser.
func browserTest(t *testing.T) {
	t.Helper()
	slowTest(t)
	_, err := browser()
	if errors.Is(err, exec.ErrNotFound) && os.Getenv("CI") == "" {
		t.Skip("the web UI is not tested: there is no chromium")
	}
	if err != nil {
		t.Fatalf("chromium: %v", err)
	}
}

// browse opens the web UI of p with cookies and storage of its own. The test fails if the console reports errors.
func browse(t *testing.T, p *process) *tab {
	t.Helper()
	parent, err := browser()
	if err != nil {
		t.Fatalf("chromium: %v", err)
	}
	return (&tab{T: t, ctx: parent}).another(p, chromedp.WithNewBrowserContext())
}

// another opens the web UI of p in another tab.
func (b *tab) another(p *process, options ...chromedp.ContextOption) *tab {
	b.Helper()
	ctx, leave := chromedp.NewContext(b.ctx, options...)
	b.Cleanup(leave)
	other := &tab{T: b.T, ctx: ctx}
	err := chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			other.fault(fmt.Sprintf("%+v", e.ExceptionDetails))
		case *page.EventJavascriptDialogOpening: // the page asks before it is left during an upload
			go chromedp.Call(ctx, page.HandleJavaScriptDialog,
				page.HandleJavaScriptDialogParams{Accept: true}) //nolint:errcheck // the tab may be gone
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError && !expectedFaults.MatchString(e.Entry.Text) {
				other.fault(e.Entry.Text + " " + e.Entry.URL)
			}
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		other.mu.Lock()
		defer other.mu.Unlock()
		if len(other.faults) > 0 {
			b.Errorf("console: %s", strings.Join(other.faults, "\n"))
		}
	})
	other.do(chromedp.Navigate(p.api+"/"), chromedp.WaitReady(chromedp.CSS("#files")))
	return other
}

// expectedFaults are failures that tests cause: no network, no server, a rejected key, a removed import, a page that no
// user has touched.
var expectedFaults = regexp.MustCompile(`^Blocked attempt to show a 'beforeunload'|^Failed to load resource: ` +
	`(net::ERR_|the server responded with a status of (401|403|404|409|412|503))`)

func (b *tab) fault(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = append(b.faults, text)
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, browserLimit)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.Fatalf("%v; the page says:\n%s", err, b.text())
	}
}

// follow clicks a link and waits until its page is loaded. An expression evaluated meanwhile would fail, as in reload.
func (b *tab) follow(link string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, browserLimit)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(link))); err != nil {
		b.Fatalf("follow %s: %v; the page says:\n%s", link, err, b.text())
	}
}

// eval returns the value of a JavaScript expression in the page. It waits for promises.
func eval[T any](b *tab, expression string) T {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, browserLimit)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%s: %v; the page says:\n%s", expression, err, b.text())
	}
	return value
}

// until waits for an expression to be true.
func (b *tab) until(what, expression string) {
	b.Helper()
	for deadline := time.Now().Add(browserLimit); !eval[bool](b, expression); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatalf("timeout: %s; the page says:\n%s", what, b.text())
		}
	}
}

// text returns the visible text.
func (b *tab) text() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body?.innerText ?? ""`))
	return text
}
