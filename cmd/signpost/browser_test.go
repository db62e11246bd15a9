package main

import (
	"context"
	"encoding/json"
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

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/signpost-s3/signpost/gen/client"
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
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(chromium))
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

// choose chooses files in the file field.
func (b *tab) choose(paths ...string) {
	b.Helper()
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#files"), paths))
}

// drop drags files to the page and drops them.
func (b *tab) drop(paths ...string) {
	b.Helper()
	at := eval[struct{ X, Y float64 }](b, `(() => {
		const r = document.querySelector("#drop").getBoundingClientRect();
		return {X: r.x + r.width / 2, Y: r.y + r.height / 2};
	})()`)
	for _, kind := range []input.DispatchDragEventType{"dragEnter", "dragOver", "drop"} {
		call(b, input.DispatchDragEvent, input.DispatchDragEventParams{Type: kind, X: at.X, Y: at.Y,
			Data: &input.DragData{Items: []*input.DragDataItem{}, Files: paths, DragOperationsMask: 1}})
	}
}

// offline disconnects the page from the network, or connects it again.
func (b *tab) offline(away bool) {
	b.Helper()
	rate := float64(-1)
	if away {
		rate = 0
	}
	call(b, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: away, DownloadThroughput: rate,
		UploadThroughput: rate})
	b.setNetwork(network.Conditions{Offline: away, DownloadThroughput: -1, UploadThroughput: -1})
}

// slow limits the upload rate, in bytes per second; -1 removes the limit.
func (b *tab) slow(rate float64) {
	b.Helper()
	b.setNetwork(network.Conditions{DownloadThroughput: -1, UploadThroughput: rate})
}

func (b *tab) setNetwork(c network.Conditions) {
	b.Helper()
	call(b, network.EmulateNetworkConditionsByRule,
		network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{&c}})
}

// row returns the expression for the row of a file, which may be undefined.
func row(name string) string {
	quoted, _ := json.Marshal(name)
	return fmt.Sprintf(`[...document.querySelectorAll("li.upload")].findLast((r) => r.dataset.name === %s)`, quoted)
}

// state waits until the file's row is in one of these states, and returns the import's id.
func (b *tab) state(name string, states ...string) (id string) {
	b.Helper()
	wanted, _ := json.Marshal(states)
	b.until(fmt.Sprintf("%s becomes %s", name, strings.Join(states, " or ")),
		fmt.Sprintf(`%s.includes(%s?.dataset.state)`, wanted, row(name)))
	return eval[string](b, row(name)+`.dataset.id ?? ""`)
}

// share waits until this share of the file is sent.
func (b *tab) share(name string, least float64) {
	b.Helper()
	b.until(fmt.Sprintf("%s is sent to %v", name, least),
		fmt.Sprintf(`(%[1]s?.querySelector("progress").position ?? 0) >= %[2]v`, row(name), least))
}

// press focuses and clicks a button of the file's row, as a mouse or a keyboard does.
func (b *tab) press(name, action string) {
	b.Helper()
	b.until(action+" can be pressed", fmt.Sprintf(`%s?.querySelector("button[data-action=%s]:not([hidden])") != null`,
		row(name), action))
	eval[any](b, fmt.Sprintf(`(() => {
		const b = %s.querySelector("button[data-action=%s]");
		b.focus();
		b.click();
		return null;
	})()`, row(name), action))
}

// focused returns the action of the focused button, the file of the focused row, or the id of another element.
func (b *tab) focused() string {
	b.Helper()
	return eval[string](b, `(({ dataset, id, tagName }) =>
		dataset.action ?? dataset.name ?? (id || tagName))(document.activeElement)`)
}

// hold makes the page's next API request of this method, whose path ends in suffix, wait until the test releases it.
func (b *tab) hold(method, suffix string) {
	b.Helper()
	eval[any](b, fmt.Sprintf(`(() => {
		const send = window.fetch;
		window.heldRequests ??= [];
		window.fetch = async (path, how) => {
			if (how?.method !== %q || !path.endsWith(%q)) return send(path, how);
			window.fetch = send;
			const problem = await new Promise((release) => window.heldRequests.push(release));
			return problem.status ? new Response(JSON.stringify(problem), problem) : send(path, how);
		};
		return null;
	})()`, method, suffix))
}

// held waits until a request is held.
func (b *tab) held(what string) {
	b.Helper()
	b.until(what, `window.heldRequests.length > 0`)
}

// release sends the oldest request that is held or, if problem has a status, answers it.
func (b *tab) release(problem client.Problem) {
	b.Helper()
	answer, _ := json.Marshal(problem)
	eval[any](b, fmt.Sprintf(`window.heldRequests.shift()(%s); null`, answer))
}

// call sends a command to the browser.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) {
	b.Helper()
	if _, err := chromedp.Call(b.ctx, command, params); err != nil {
		b.Fatal(err)
	}
}
