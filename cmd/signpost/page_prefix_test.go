package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// behindPrefix starts the service behind a reverse proxy that serves it below /api/, as nginx does with
// location /api/ { proxy_pass http://127.0.0.1:8080/; }. The test fails if a browser asks the proxy for any other path.
func behindPrefix(t *testing.T) *process {
	t.Helper()
	var mu sync.Mutex
	var outside []string
	proxy := httptest.NewUnstartedServer(nil)
	p := startLocal(t, t.TempDir(), "SIGNPOST_CORS_ORIGINS=http://"+proxy.Listener.Addr().String())
	target, err := url.Parse(p.api)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", http.StripPrefix("/api",
		&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		outside = append(outside, r.Method+" "+r.URL.Path)
		http.NotFound(w, r)
	})
	proxy.Config.Handler = mux
	proxy.Start()
	t.Cleanup(proxy.Close)
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		if len(outside) > 0 {
			t.Errorf("requests outside /api/: got %q, want none", outside)
		}
	})
	behind := *p
	behind.api = proxy.URL + "/api"
	return &behind
}

// TestPageBehindPathPrefix uploads a file in the web UI behind a reverse proxy that removes a path prefix.
func TestPageBehindPathPrefix(t *testing.T) {
	browserTest(t)
	p := behindPrefix(t)
	b := browse(t, p)
	path, content := randomFile(t, "parts.bin", 20*mib)
	b.choose(path)
	id := b.state("parts.bin", "completed")
	p.holds(t, id, content)
	b.until("the import is listed with a link below the prefix", fmt.Sprintf(
		`document.querySelector('#recent li[data-id=%q] a')?.href === %q`, id, p.api+"/import/"+id))
	if lines := eval[string](b, `document.querySelector("#curl-lines").value`); !strings.Contains(lines, p.api+"/import") {
		t.Errorf("lines for curl: got %s, want them to call %s/import", lines, p.api)
	}
	if keys := eval[[]string](b, `Object.keys(localStorage)`); len(keys) != 1 || keys[0] != "signpost/api.ended."+id {
		t.Errorf("keys in localStorage: got %q, want one with the prefix, because services on a host share the storage", keys)
	}
}

// TestDocsBehindPathPrefix follows the link to the API reference and calls POST /import from it.
func TestDocsBehindPathPrefix(t *testing.T) {
	browserTest(t)
	p := behindPrefix(t)
	b := browse(t, p)
	b.follow("nav a")
	const operation = `document.querySelector("[id$=createImport]")`
	b.until("the operation is shown", operation+` != null`)
	if at := eval[string](b, `location.href`); !strings.HasPrefix(at, p.api+"/docs") {
		t.Errorf("API reference: got %s, want %s/docs", at, p.api)
	}
	click := func(selector string) {
		t.Helper()
		b.until(selector+" is shown", fmt.Sprintf(`%s.querySelector(%q) != null`, operation, selector))
		eval[chromedp.Void](b, fmt.Sprintf(`%s.querySelector(%q).click()`, operation, selector))
	}
	click("button")
	click(".try-out__btn")
	click(".execute")
	b.until("the response is shown", operation+`.querySelector(".live-responses-table .response-col_status") != null`)
	if got := eval[string](b, operation+`.querySelector(".live-responses-table").innerText`); !strings.Contains(got,
		"201") {
		t.Errorf("POST /import from the API reference: got %s, want 201", got)
	}
	if called := eval[string](b, operation+`.querySelector(".request-url").innerText`); !strings.Contains(called,
		p.api+"/import") {
		t.Errorf("POST /import from the API reference: called %s, want %s/import", called, p.api)
	}
	b.do(chromedp.Navigate(p.api + "/docs/"))
	b.until("the operation is shown with a slash in the address too", operation+` != null`)
}
