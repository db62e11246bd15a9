package frontend

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/signpost-s3/signpost/gen/client"
)

const (
	small = 5 << 10  // bytes; a single upload
	large = 40 << 20 // bytes; three parts of at most 16 MiB
)

// uppy is a major version of Uppy, in a page that may call two services.
type uppy struct {
	browser       context.Context
	origin        string
	opened, keyed service // opened needs no API key; keyed does, and its bucket has minimal permissions
}

// TestUppy runs testdata/uppy-*/snippet.js, which internal/web/README.md shows, unchanged.
func TestUppy(t *testing.T) {
	needs(t, "node", "npm", "chromium")
	chromium := startChromium(t)
	for _, major := range []string{"uppy-5", "uppy-6"} {
		t.Run(major, func(t *testing.T) {
			dir := install(t, "index.html", "page.js", major+"/snippet.js", major+"/package.json", major+"/package-lock.json")
			bundle(t, dir, "page.js")
			origin := serveFolder(t, dir)
			u := uppy{chromium, origin, serve(t, origin, ""), serve(t, origin, "alice")}
			u.keyed.allow(t, origin)
			t.Run("Single", func(t *testing.T) { u.uploads(t, u.opened, "Grüße.txt", small, nil) })
			t.Run("Empty", func(t *testing.T) { u.uploads(t, u.opened, "empty.csv", 0, nil) })
			t.Run("Parts", func(t *testing.T) { u.uploads(t, u.opened, "film.mp4", large, []int{1, 2, 3}) })
			t.Run("SingleWithKey", func(t *testing.T) { u.uploads(t, u.keyed, "key.csv", small, nil) })
			t.Run("PartsWithKey", func(t *testing.T) { u.uploads(t, u.keyed, "key.bin", large, []int{1, 2, 3}) })
			t.Run("RelativePath", u.relativePath)
			t.Run("WithoutKey", u.withoutKey)
			t.Run("Gateway", u.gateway)
			t.Run("PauseAndResume", u.pauses)
			t.Run("Abort", u.aborts)
			t.Run("Reload", u.reloads)
		})
	}
}

// open opens the page for a caller of s.
func (u uppy) open(t *testing.T, s service, asked url.Values) tab {
	t.Helper()
	asked.Set("service", s.url)
	if s.key != "" {
		asked.Set("key", s.key)
	}
	return open(t, u.browser, u.origin+"/?"+asked.Encode())
}

// send selects a file in the page and starts its upload.
func send(t *testing.T, page tab, path string) {
	t.Helper()
	page.choose(t, path)
	call[chromedp.Void](t, page, "begin()")
}

// uploads checks that s has a file unchanged, that Uppy returns the import's URL, and that it uploaded these parts
// (nil: not checked) without an error on its console.
func (u uppy) uploads(t *testing.T, s service, name string, size int, parts []int) {
	path, content := file(t, name, size)
	page := u.open(t, s, url.Values{})
	send(t, page, path)
	got := call[outcome](t, page, "finish()")
	s.wantStored(t, got.id(t), name, content)
	if want := s.url + "/import/" + got.id(t); got.URL != want || got.Event != want {
		t.Errorf("got uploadURL %s, and %s in the event upload-success; want %s", got.URL, got.Event, want)
	}
	if slices.Sort(got.Sent); parts != nil && !slices.Equal(got.Sent, parts) { // parts are concurrent
		t.Errorf("sent parts %v, want %v", got.Sent, parts)
	}
	if errors := page.console.errors(); len(errors) > 0 {
		t.Errorf("console: got %q, want no errors", errors)
	}
}

// relativePath checks that imports, single and multipart, keep the path that Uppy has of a file in a folder.
func (u uppy) relativePath(t *testing.T) {
	for _, size := range []int{small, large} {
		path, _ := file(t, "a.bin", size)
		page := u.open(t, u.opened, url.Values{"path": {"/Gru\u0308ße/a.bin"}}) // decomposed, as macOS reports names
		send(t, page, path)
		id := call[outcome](t, page, "finish()").id(t)
		const want = "Gr\u00fcße/a.bin"
		job := u.opened.wantStatus(t, id, client.ImportStatusCompleted)
		if got := job.RelativePath; got != want {
			t.Errorf("%d bytes: got relative path %q, want %q", size, got, want)
		}
	}
}

// gateway checks that the page shows the errors of API Gateway and of proxies, which are not problem documents.
func (u uppy) gateway(t *testing.T) {
	for _, c := range []struct {
		body   string
		status int
		want   string
	}{
		{`{"message":"Limit Exceeded"}`, http.StatusTooManyRequests, "Limit Exceeded"},
		{"<html>Bad Gateway</html>", http.StatusBadGateway, "unexpected response of GATEWAY: status 502"},
		{"<html>Sign in</html>", http.StatusOK, "unexpected response of GATEWAY: status 200"},
	} {
		gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Access-Control-Allow-Origin", u.origin)
			w.Header().Set("Access-Control-Allow-Headers", "content-type")
			if r.Method != http.MethodOptions {
				http.Error(w, c.body, c.status)
			}
		}))
		path, _ := file(t, "limited.csv", small)
		page := u.open(t, service{url: gateway.URL}, url.Values{})
		send(t, page, path)
		want := strings.Replace(c.want, "GATEWAY", gateway.URL, 1)
		if got := call[outcome](t, page, "finish()"); got.Error != want {
			t.Errorf("%d %s: got %+v, want error %q", c.status, c.body, got, want)
		}
		gateway.Close()
	}
}

// withoutKey checks that the service's error messages reach the page.
func (u uppy) withoutKey(t *testing.T) {
	path, _ := file(t, "stranger.csv", small)
	stranger := u.keyed
	stranger.key = ""
	page := u.open(t, stranger, url.Values{})
	send(t, page, path)
	const want = "This service requires credentials. Send an API key, as x-api-key: KEY."
	if got := call[outcome](t, page, "finish()"); got.Error != want {
		t.Errorf("upload without an API key: got %+v, want error %q", got, want)
	}
}

// While paused, nothing is sent; after that, stored parts are not sent again.
func (u uppy) pauses(t *testing.T) {
	path, content := file(t, "paused.bin", large)
	page := u.open(t, u.opened, url.Values{"limit": {"1"}})
	send(t, page, path)
	id := call[string](t, page, "after('pauseAll')")
	if job := u.opened.wantStatus(t, id, client.ImportStatusUploading); *job.Multipart.UploadedParts != 1 {
		t.Errorf("paused: the store has %d parts, want 1", *job.Multipart.UploadedParts)
	}
	call[chromedp.Void](t, page, "uppy.resumeAll()")
	got := call[outcome](t, page, "finish()")
	u.opened.wantStored(t, got.id(t), "paused.bin", content)
	if want := []int{1, 2, 3}; got.id(t) != id || !slices.Equal(got.Sent, want) {
		t.Errorf("resumed: import %s, sent %v; want import %s, sent %v", got.id(t), got.Sent, id, want)
	}
}

// Who cancels, frees the parts.
func (u uppy) aborts(t *testing.T) {
	path, _ := file(t, "unwanted.bin", large)
	page := u.open(t, u.opened, url.Values{"limit": {"1"}})
	send(t, page, path)
	id := call[string](t, page, "after('cancelAll')")
	u.opened.wantStatus(t, id, client.ImportStatusAborted)
	u.opened.wantNoParts(t)
}

// A reloaded page continues with the parts that the store has.
func (u uppy) reloads(t *testing.T) {
	path, content := file(t, "reloaded.bin", large)
	page := u.open(t, u.opened, url.Values{"limit": {"1"}, "retrieve": {""}})
	page.slow(t, 16<<20) // more than a second for each part: Uppy notes how far it is twice a second
	send(t, page, path)
	id := call[string](t, page, "after()")
	page.do(t, chromedp.Reload())
	if job := u.opened.wantStatus(t, id, client.ImportStatusUploading); *job.Multipart.UploadedParts != 1 {
		t.Errorf("reloaded: the store has %d parts, want 1", *job.Multipart.UploadedParts)
	}
	page.slow(t, -1)
	call[chromedp.Void](t, page, "restore()")
	got := call[outcome](t, page, "finish()")
	u.opened.wantStored(t, got.id(t), "reloaded.bin", content)
	if want := []int{2, 3}; got.id(t) != id || !slices.Equal(got.Sent, want) {
		t.Errorf("reloaded: import %s, sent %v; want import %s, sent %v", got.id(t), got.Sent, id, want)
	}
}
