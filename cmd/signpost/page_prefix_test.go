//go:build !race

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
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

// TestPageBehindNginx: below a path and with a Content-Security-Policy of the proxy, as OPERATIONS.md shows them, the
// web UI, the upload library and the API reference work. The test fails if the console reports a violation.
func TestPageBehindNginx(t *testing.T) {
	browserTest(t)
	needs(t, nginxPath())
	location := regexp.MustCompile(`(?s)location /api/ \{.*?\n    \}`).FindString(deployed(t, "nginx.conf"))
	operations, err := os.ReadFile("OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	policy := regexp.MustCompile("(?s)```nginx\n(.*?)```").FindStringSubmatch(string(operations))[1]
	dir, address := nginxFolder(t), freeAddress(t)
	writeCertificate(t, dir, 1)
	p := startLocal(t, t.TempDir(), "SIGNPOST_CORS_ORIGINS=http://"+address)
	config := strings.Replace(location, "}", policy+"}", 1)
	startNginx(t, dir, address, "server {\nlisten "+address+";\n"+strings.NewReplacer("/api/", "/imports/",
		"http://127.0.0.1:8080", p.api, "https://my-bucket.s3.eu-west-1.amazonaws.com", p.store(t)).Replace(config)+"}")
	behind := *p
	behind.api = "http://" + address + "/imports"

	b := browse(t, &behind)
	eval[any](b, `(() => {
		const Original = Worker;
		window.Worker = class extends Original { constructor(url) { super(url); window.workers = true; } };
		return null;
	})()`)
	path, content := randomFile(t, "parts.bin", 20*mib)
	b.choose(path)
	p.holds(t, b.state("parts.bin", "completed"), content)
	if !eval[bool](b, `window.workers === true`) {
		t.Error("the checksums were computed in the page, want a worker")
	}
	policies := eval[string](b, `fetch("").then((r) => r.headers.get("Content-Security-Policy"))`)
	if got := strings.Count(policies, "default-src"); got != 2 {
		t.Errorf("policies: got %s, want the service's and the proxy's", policies)
	}
	id := eval[string](b, `(async () => {
		const { upload } = await import(new URL("client.js", location));
		return (await upload(new File(["content"], "file.txt")).done).id;
	})()`)
	p.holds(t, id, []byte("content"))
	b.callFromDocs(&behind)
}

// TestDocsBehindPathPrefix follows the link to the API reference and calls POST /import from it.
func TestDocsBehindPathPrefix(t *testing.T) {
	browserTest(t)
	p := behindPrefix(t)
	browse(t, p).callFromDocs(p)
}

// callFromDocs follows the link to the API reference and calls POST /import from it.
func (b *tab) callFromDocs(p *process) {
	b.Helper()
	b.follow("nav a")
	const operation = `document.querySelector("[id$=createImport]")`
	b.until("the operation is shown", operation+` != null`)
	if at := eval[string](b, `location.href`); !strings.HasPrefix(at, p.api+"/docs") {
		b.Errorf("API reference: got %s, want %s/docs", at, p.api)
	}
	click := func(selector string) {
		b.Helper()
		b.until(selector+" is shown", fmt.Sprintf(`%s.querySelector(%q) != null`, operation, selector))
		eval[chromedp.Void](b, fmt.Sprintf(`%s.querySelector(%q).click()`, operation, selector))
	}
	click("button")
	click(".try-out__btn")
	click(".execute")
	b.until("the response is shown", operation+`.querySelector(".live-responses-table .response-col_status") != null`)
	if got := eval[string](b, operation+`.querySelector(".live-responses-table").innerText`); !strings.Contains(got,
		"201") {
		b.Errorf("POST /import from the API reference: got %s, want 201", got)
	}
	if called := eval[string](b, operation+`.querySelector(".request-url").innerText`); !strings.Contains(called,
		p.api+"/import") {
		b.Errorf("POST /import from the API reference: called %s, want %s/import", called, p.api)
	}
	b.do(chromedp.Navigate(p.api + "/docs/"))
	b.until("the operation is shown with a slash in the address too", operation+` != null`)
}
