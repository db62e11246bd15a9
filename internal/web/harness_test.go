package web_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/httpapi"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/localstore"
	"github.com/signpost-s3/signpost/internal/web"
)

// limit is how long a test waits. Everything takes seconds at most, but a machine may be busy.
const limit = 2 * time.Minute

// site is the page with the real API and a store that accepts its uploads.
type site struct {
	url   string
	store *localstore.Store
	dir   string // of the store
}

// start serves the web UI and the upload library with a local store, and allows pages of these origins. Without
// authenticate, callers are anonymous.
func start(t *testing.T, o web.UI, authenticate auth.Authenticator, origins ...string) *site {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	origin := "http://" + server.Listener.Addr().String()
	dir := t.TempDir()
	store, err := localstore.Start(t.Context(), localstore.Options{
		Dir: dir, Listen: "127.0.0.1:0", Bucket: "page", CORS: bucket.CORSRule(append(origins, origin)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	options := bucket.Options{Name: store.Bucket(), AWS: store.AWSConfig(), PathStyle: true}
	objects, err := bucket.Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	o.StoreOrigin, o.AsksKey, o.Local = store.Endpoint(), authenticate != nil, authenticate == nil
	server.Config.Handler = httpapi.New(httpapi.Options{
		Service: &imports.Service{
			Bucket: objects, Limits: imports.Limits{URLTTL: time.Hour, JobTTL: 24 * time.Hour}, Downloads: o.Downloads,
			AnonymousListing: o.Local,
			Waiters:          imports.NewWaiters(1000), Now: time.Now,
		},
		CORSOrigins: origins, Ready: objects.Check,
		Authenticate: authenticate, LocalOnly: o.Local, Log: slog.New(slog.DiscardHandler),
		RegisterDocuments: func(e *echo.Echo) {
			web.RegisterReference(e, web.Reference{Keys: authenticate != nil, UI: true})
			web.RegisterClient(e, web.Client{CrossOrigin: len(origins) > 0})
			web.RegisterUI(e, o)
		},
	})
	server.Start()
	t.Cleanup(server.Close)
	return &site{origin, store, dir}
}

// get requests a path with header fields in pairs.
func (s *site) get(t *testing.T, method, path string, fields ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		request.Header.Set(fields[i], fields[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// browse opens the page in a new browser.
func (s *site) browse(t *testing.T, options ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	return browse(t, s.url, options...)
}

// browse opens a URL in a new browser.
func browse(t *testing.T, url string, options ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	own := []chromedp.ExecAllocatorOption{chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox}
	options = slices.Concat(chromedp.DefaultExecAllocatorOptions[:], own, options)
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	tab, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	if err := chromedp.Do(tab, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	tab, cancel := context.WithTimeout(tab, limit)
	t.Cleanup(cancel)
	return tab
}

// evaluate returns the value of a script in the page, or of its promise.
func evaluate[T any](t *testing.T, tab context.Context, script string) T {
	t.Helper()
	value, err := chromedp.Run(tab, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%.100s: %v", script, err)
	}
	return value
}

// authenticator returns an authenticator that accepts one key and one token, or nil.
func authenticator(required bool) auth.Authenticator {
	if !required {
		return nil
	}
	return func(r *http.Request) (auth.Caller, error) {
		if r.Header.Get("X-Api-Key") == rightKey || r.Header.Get("Authorization") == "Bearer "+rightToken {
			return auth.Caller{Owner: "key-alice", Scope: auth.All}, nil
		}
		return auth.Caller{}, &auth.Error{Reason: "unknown-key", Detail: "This API key is not known.", Challenge: "ApiKey"}
	}
}

const rightKey, rightToken = "signpost_right", "aaa.bbb.ccc"
