package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/signpost-s3/signpost/gen/browser"
	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/web"
)

// otherPage opens a page of another origin that imports the upload library of a site, which allows it.
func otherPage(t *testing.T, policy string, authenticate auth.Authenticator) (*site, context.Context) {
	t.Helper()
	var module string
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if policy != "" {
			w.Header().Set("Content-Security-Policy", policy)
		}
		fmt.Fprintf(w, `<!doctype html><title>Other</title><script type="module">
			import * as client from %q;
			window.client = client;
			window.file = (size, name = "file.bin") =>
				new File([new Uint8Array(size).map((_, i) => i * 7 + (i >> 13))], name, { lastModified: 1 });
		</script>`, module)
	}))
	t.Cleanup(page.Close)
	s := start(t, web.UI{}, authenticate, page.URL)
	module = s.url + "/client.js"
	return s, browse(t, page.URL)
}

// TestClientReadme serves the page that README.md shows on another origin, and uploads with it.
func TestClientReadme(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(directory, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(readme), "```html\n")
	text, _, found := strings.Cut(after, "```")
	if !found {
		t.Fatal("README.md shows no page")
	}
	var service string
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, strings.ReplaceAll(text, "https://imports.example.com", service))
	}))
	t.Cleanup(page.Close)
	s := start(t, web.UI{}, nil, page.URL)
	service = s.url
	tab := browse(t, page.URL)
	path := filepath.Join(t.TempDir(), "file.bin")
	if err := os.WriteFile(path, content(20<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(tab, chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{path})); err != nil {
		t.Fatal(err)
	}
	got := evaluate[string](t, tab, `new Promise((resolve) => {
		const output = document.querySelector("output"), look = () => { if (output.value) resolve(output.value); };
		new MutationObserver(look).observe(output, { subtree: true, childList: true, characterData: true });
		look();
	})`)
	id, completed := strings.CutSuffix(strings.TrimPrefix(got, "import "), " is completed")
	if !completed {
		t.Fatalf("the page shows %q, want a completed import", got)
	}
	s.holds(t, id, content(20<<20))
	if value := evaluate[float64](t, tab, `document.querySelector("progress").value`); value != 1 {
		t.Errorf("progress: got %v, want 1", value)
	}
}

// content is that of file(size) in the page.
func content(size int) []byte {
	text := make([]byte, size)
	for i := range text {
		text[i] = byte(i*7 + i>>13)
	}
	return text
}

// holds checks the object of an import.
func (s *site) holds(t *testing.T, id string, want []byte) {
	t.Helper()
	_, body := s.get(t, "GET", "/import/"+id, "X-Api-Key", rightKey)
	var job client.Import
	if err := json.Unmarshal([]byte(body), &job); err != nil || job.Object == nil {
		t.Fatalf("import %s: got %s, %v, want an object", id, body, err)
	}
	got, err := os.ReadFile(filepath.Join(s.dir, "store", "page", job.Object.Key))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("import %s: stored %d bytes, %v, want the %d of the file", id, len(got), err, len(want))
	}
}

// slow limits the rate of uploads of the page, in bytes per second; -1 means unlimited.
func slow(t *testing.T, tab context.Context, rate float64) {
	t.Helper()
	conditions := network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{DownloadThroughput: -1, UploadThroughput: rate}},
	}
	if _, err := chromedp.Call(tab, network.EmulateNetworkConditionsByRule, conditions); err != nil {
		t.Fatal(err)
	}
}

func TestClientSize(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(browser.Module); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	if packed.Len() > 25<<10 {
		t.Errorf("client.js: got %d bytes with gzip, want at most 25 KiB", packed.Len())
	}
}

// TestClientHeaders: pages of allowed origins may load the library, and caches keep it only by its version.
func TestClientHeaders(t *testing.T) {
	const origin = "https://app.example.com"
	s := start(t, web.UI{}, nil, origin)
	for _, path := range []string{"/client.js", "/client.d.ts"} {
		response, _ := s.get(t, "GET", path, "Origin", origin)
		tag := response.Header.Get("ETag")
		for field, want := range map[string]string{
			"Access-Control-Allow-Origin": origin, "Cross-Origin-Resource-Policy": "cross-origin", "Cache-Control": "no-cache",
		} {
			if got := response.Header.Get(field); got != want {
				t.Errorf("GET %s: got %s %q, want %q", path, field, got, want)
			}
		}
		for version, want := range map[string]string{
			strings.Trim(tag, `"`): "public, max-age=31536000, immutable", "1.2.3": "no-cache", "": "no-cache",
		} {
			response, _ := s.get(t, "GET", path+"?v="+version)
			if got := response.Header.Get("Cache-Control"); got != want {
				t.Errorf("GET %s?v=%s: got Cache-Control %s, want %s", path, version, got, want)
			}
		}
	}
}

// TestClientHeadersClosed: pages of other origins cannot load the library if no origins are configured.
func TestClientHeadersClosed(t *testing.T) {
	closed, _ := start(t, web.UI{}, nil).get(t, "GET", "/client.js")
	if got := closed.Header.Get("Cross-Origin-Resource-Policy"); got != "" {
		t.Errorf("GET /client.js without origins: got Cross-Origin-Resource-Policy %s, want none", got)
	}
}

// TestClient uploads from a page of another origin.
func TestClient(t *testing.T) {
	s, tab := otherPage(t, "", nil)
	for _, size := range []int{0, 5, 20<<20 + 1} {
		got := evaluate[map[string]any](t, tab, fmt.Sprintf(`(async () => {
			const progress = [], states = new Set();
			const u = client.upload(file(%d), { metadata: { team: "a" }, onProgress(p) { progress.push(p); states.add(u?.state); } });
			const job = await u.done, { stored, sending, total } = progress.at(-1);
			return { id: u.id, state: u.state, status: job.status, jobID: job.id, team: job.metadata.team, stored, sending, total,
				name: job.filename, verified: job.checksum.verified, grows: progress.every((p) => p.stored + p.sending <= p.total) };
		})()`, size))
		id, _ := got["id"].(string)
		for name, want := range map[string]any{
			"state": "completed", "status": "completed", "jobID": id, "team": "a", "stored": float64(size), "sending": 0.0,
			"total": float64(size), "name": "file.bin", "verified": size > 0 || got["verified"].(bool), "grows": true,
		} {
			if got[name] != want {
				t.Errorf("upload of %d bytes: got %s %v, want %v", size, name, got[name], want)
			}
		}
		s.holds(t, id, content(size))
	}
}

// TestClientWithoutWorker: the library hashes in the page if its policy allows no worker.
func TestClientWithoutWorker(t *testing.T) {
	s, tab := otherPage(t, "worker-src 'none'", nil)
	if worked := evaluate[bool](t, tab, `new Promise((resolve) => {
		const url = URL.createObjectURL(new Blob(["postMessage(1)"], { type: "text/javascript" }));
		try {
			const worker = new Worker(url);
			worker.onerror = () => resolve(false);
			worker.onmessage = () => resolve(true);
		} catch { resolve(false); }
	})`); worked {
		t.Fatal("the policy allows workers, want none")
	}
	for _, size := range []int{5, 20<<20 + 1} {
		id := evaluate[string](t, tab, fmt.Sprintf(`(async () => {
			const job = await client.upload(file(%d)).done;
			return job.checksum.verified ? job.id : "not verified";
		})()`, size))
		s.holds(t, id, content(size))
	}
}

// TestClientKeys: headers are renewed when the service rejects them, and an error has the problem's members.
func TestClientKeys(t *testing.T) {
	s, tab := otherPage(t, "", authenticator(true))
	got := evaluate[[]any](t, tab, `client.upload(file(5), { headers: { "X-Api-Key": "signpost_wrong" } }).done
		.catch((e) => [e instanceof client.ResponseError, e.name, e.source, e.status, e.code, e.requestId !== ""])`)
	if want := "[true ResponseError service 401 unauthenticated true]"; fmt.Sprint(got) != want {
		t.Errorf("upload with a wrong key: got %v, want %s", got, want)
	}
	id := evaluate[string](t, tab, fmt.Sprintf(`(async () => {
		let calls = 0;
		const headers = async () => ({ Authorization: calls++ < 2 ? "Bearer old.old." + calls : "Bearer %s" });
		return (await client.upload(file(5), { headers }).done).id;
	})()`, rightToken))
	s.holds(t, id, content(5))
	failed := evaluate[string](t, tab, `client.upload(file(5), { headers() { throw new Error("no token"); } }).done
		.catch((e) => e.message)`)
	if failed != "no token" {
		t.Errorf("headers threw: got %q, want its error", failed)
	}
	calls := evaluate[int](t, tab, `(async () => {
		let calls = 0;
		const headers = () => ({ Authorization: "Bearer old.old." + calls++ });
		await client.upload(file(5), { headers }).done.catch(() => {});
		return calls;
	})()`)
	if calls > 6 {
		t.Errorf("headers that are never accepted were requested %d times, want an end", calls)
	}
}

// TestClientAborts: abort and signal end an upload, and its import is aborted.
func TestClientAborts(t *testing.T) {
	s, tab := otherPage(t, "", nil)
	slow(t, tab, 1<<20)
	for _, how := range []string{"u.abort()", "stop.abort()"} {
		got := evaluate[[]string](t, tab, fmt.Sprintf(`(async () => {
			const stop = new AbortController();
			let sending = () => {};
			const started = new Promise((resolve) => { sending = resolve; });
			const u = client.upload(file(20 << 20), { signal: stop.signal, onProgress: (p) => p.sending > 0 && sending() });
			await started;
			%s;
			const name = await u.done.catch((e) => e.name);
			return [u.id, name, u.state];
		})()`, how))
		if got[1] != "AbortError" || got[2] != "aborted" {
			t.Errorf("%s: got %q, want an AbortError", how, got)
		}
		if _, body := s.get(t, "GET", "/import/"+got[0]); !strings.Contains(body, `"status":"aborted"`) {
			t.Errorf("%s: got %s, want the import aborted", how, body)
		}
	}
	early := evaluate[string](t, tab, `client.upload(file(5), { signal: AbortSignal.abort() }).done.catch((e) => e.name)`)
	if early != "AbortError" {
		t.Errorf("a signal that was aborted before: got %s, want AbortError", early)
	}
}

// TestClientPauses: on slow lines, most of the bytes that are shown as uploaded stay when an upload is paused. Another
// visit of the page resumes it and sends what is missing.
func TestClientPauses(t *testing.T) {
	s, tab := otherPage(t, "", nil)
	const size = 40<<20 + 1
	slow(t, tab, 8<<20)
	before := evaluate[map[string]float64](t, tab, fmt.Sprintf(`(async () => {
		let progress, enough = () => {};
		const most = new Promise((resolve) => { enough = resolve; });
		window.u = client.upload(file(%d), { onProgress(p) {
			progress = p;
			if (p.stored > 0 && p.stored + p.sending > p.total / 2) enough();
		} });
		await most;
		const shown = progress.stored + progress.sending;
		await u.pause();
		return { shown, stored: progress.stored, sending: progress.sending };
	})()`, size))
	if before["sending"] != 0 || before["stored"] < 0.8*before["shown"] {
		t.Errorf("paused: got %v, want nothing in progress and at least 80 %% of the bytes kept", before)
	}
	id := evaluate[string](t, tab, `u.state === "paused" ? u.id : u.state`)
	slow(t, tab, -1)
	if err := chromedp.Do(tab, chromedp.Reload()); err != nil {
		t.Fatal(err)
	}
	resumed := evaluate[map[string]any](t, tab, fmt.Sprintf(`(async () => {
		const job = await client.upload(file(%d)).done;
		const parts = performance.getEntriesByType("resource").filter((e) => e.name.includes("partNumber="));
		return { id: job.id, sent: parts.length };
	})()`, size))
	kept := before["stored"] / (8 << 20)
	if resumed["id"] != id || resumed["sent"].(float64) > 6-kept {
		t.Errorf("after a reload: got %v, want import %s and at most %v of 6 parts", resumed, id, 6-kept)
	}
	s.holds(t, id, content(size))
}
