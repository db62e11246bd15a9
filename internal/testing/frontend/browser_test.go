package frontend

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/evanw/esbuild/pkg/api"
)

// bundle writes a module of dir, with all that it imports, to bundle.js.
func bundle(t *testing.T, dir, module string) {
	t.Helper()
	result := api.Build(api.BuildOptions{
		AbsWorkingDir: dir, EntryPoints: []string{module}, Outfile: "bundle.js", Write: true,
		Bundle: true, Format: api.FormatESModule, JSX: api.JSXAutomatic,
	})
	for _, message := range append(result.Errors, result.Warnings...) {
		t.Fatalf("esbuild: %s: %s", module, message.Text)
	}
}

// serveFolder serves the files of dir on an origin of their own.
func serveFolder(t *testing.T, dir string) (origin string) {
	t.Helper()
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	return server.URL
}

// startChromium starts a headless Chromium.
func startChromium(t *testing.T) context.Context {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath("chromium"),
		chromedp.Env("LC_ALL=C.UTF-8")) // so that it finds files whose names are not ASCII
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // root has no sandbox
	}
	allocator, free := chromedp.NewExecAllocator(context.Background(), options...) // t.Context ends before the cleanups
	t.Cleanup(free)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("chromium: %v", err)
	}
	return ctx
}

// tab is an open page of a browser.
type tab struct {
	ctx     context.Context
	console *console
}

func open(t *testing.T, browser context.Context, address string) tab {
	t.Helper()
	ctx, end := context.WithTimeout(browser, limit)
	t.Cleanup(end)
	ctx, end = chromedp.NewContext(ctx)
	t.Cleanup(end)
	p := tab{ctx, listen(t, ctx)}
	p.do(t, chromedp.Navigate(address))
	return p
}

// console contains the page's console messages.
type console struct {
	mu    sync.Mutex
	lines []string
}

// listen collects the page's messages, and prints them if the test fails.
func listen(t *testing.T, ctx context.Context) *console {
	c := &console{}
	ctx, end := context.WithCancel(ctx)
	messages := chromedp.Console(ctx)
	var heard sync.WaitGroup
	heard.Go(func() {
		for message, err := range messages {
			if err != nil {
				return
			}
			c.mu.Lock()
			c.lines = append(c.lines, message.String())
			c.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		end()
		heard.Wait()
		if t.Failed() {
			t.Logf("console:\n%s", strings.Join(c.lines, "\n"))
		}
	})
	return c
}

// errors returns the error messages.
func (c *console) errors() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.lines), func(line string) bool { return !strings.HasPrefix(line, "error") })
}

func (p tab) do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		t.Fatalf("chromium: %v", err)
	}
}

// call calls a function of the page and awaits its promise.
func call[T any](t *testing.T, p tab, function string) T {
	t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](function, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", function, err)
	}
	return value
}

// choose selects a file in the page.
func (p tab) choose(t *testing.T, path string) {
	t.Helper()
	p.do(t, chromedp.SetUploadFiles(chromedp.CSS("input[type=file]"), []string{path}))
}

// slow limits the page's upload rate, in bytes per second; -1 is unlimited.
func (p tab) slow(t *testing.T, rate float64) {
	t.Helper()
	conditions := network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{DownloadThroughput: -1, UploadThroughput: rate}},
	}
	if _, err := chromedp.Call(p.ctx, network.EmulateNetworkConditionsByRule, conditions); err != nil {
		t.Fatalf("chromium: %v", err)
	}
}

// outcome is the result of an upload.
type outcome struct {
	URL   string // of the upload; its last segment is the import's id
	Event string // the same, in the event upload-success
	Error string // empty on success
	Sent  []int  // numbers of the parts that this page uploaded
}

// id returns the id of the uploaded import.
func (o outcome) id(t *testing.T) string {
	t.Helper()
	if o.Error != "" || o.URL == "" {
		t.Fatalf("upload: got %+v, want a URL and no error", o)
	}
	return o.URL[strings.LastIndexByte(o.URL, '/')+1:]
}
