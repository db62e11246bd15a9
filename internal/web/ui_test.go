package web_test

import (
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/internal/web"
)

func TestFiles(t *testing.T) {
	s := start(t, web.UI{}, nil)
	for path, c := range map[string]struct{ contentType, holds string }{
		"/":                 {"text/html; charset=utf-8", `<input id="files"`},
		"/page/main.js":     {"text/javascript; charset=utf-8", "new UploadList"},
		"/client/hasher.js": {"text/javascript; charset=utf-8", "postMessage"},
		"/client.js":        {"text/javascript; charset=utf-8", "export{"},
		"/client.d.ts":      {"text/plain; charset=utf-8", "export interface Import "},
		"/page/colors.css":  {"text/css; charset=utf-8", ":root"},
		"/page/icon.svg":    {"image/svg+xml", "<svg"},
		"/page/index.html":  {"application/problem+json", "not-found"}, // a template
		"/page":             {"application/problem+json", "not-found"},
		"/page/../ui.go":    {"application/problem+json", "not-found"},
	} {
		response, body := s.get(t, "GET", path)
		if got := response.Header.Get("Content-Type"); got != c.contentType || !strings.Contains(body, c.holds) {
			t.Errorf("GET %s: got %d %s %.200s, want %s with %s",
				path, response.StatusCode, got, body, c.contentType, c.holds)
		}
		head, body := s.get(t, "HEAD", path)
		if head.StatusCode != response.StatusCode || body != "" {
			t.Errorf("HEAD %s: got %d %.50s, want %d as GET and no body", path, head.StatusCode, body, response.StatusCode)
		}
	}
	if response, _ := s.get(t, "POST", "/"); response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST /: got %d, want 405", response.StatusCode)
	}
}

// TestLinkedFiles: each URL in the page and each imported module is served, and each file is used.
func TestLinkedFiles(t *testing.T) {
	s := start(t, web.UI{}, nil)
	link := regexp.MustCompile(`(?:href|src)="([^"/][^"]*)"|from "(\.[^"]*)"`)
	seen := map[string]bool{}
	var visit func(at string)
	visit = func(at string) {
		if seen[at] {
			return
		}
		seen[at] = true
		response, body := s.get(t, "GET", at)
		if response.StatusCode != 200 {
			t.Errorf("GET %s: got %d, want 200", at, response.StatusCode)
		}
		if at == "/docs" {
			return
		}
		for _, m := range link.FindAllStringSubmatch(body, -1) {
			visit(path.Join(path.Dir(at), m[1]+m[2]))
		}
	}
	visit("/")
	for _, f := range files(t) {
		if !seen[f] && f != "/client/upload.js" { // for other pages
			t.Errorf("%s is not used", f)
		}
	}
}

// files returns the paths of the files of the web UI besides the page, and of the upload library.
func files(t *testing.T) []string {
	t.Helper()
	var paths []string
	for pattern, at := range map[string]string{"/ui/*": "/page/", "/client/*.js": "/client/"} {
		found, err := filepath.Glob(directory + pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: got %v, %v", pattern, found, err)
		}
		for _, f := range found {
			if filepath.Base(f) != "index.html" {
				paths = append(paths, at+filepath.Base(f))
			}
		}
	}
	return paths
}

// absolute matches URLs that begin at the root of the host. They are wrong behind a reverse proxy that adds a prefix.
var absolute = regexp.MustCompile("(?:(?:href|src|action)=|fetch\\(|new URL\\(|Worker\\(|import\\(|from |url: |\\+ |, )" +
	"[\"'`]/[^\"'`]*|" +
	"[\"'`]/(?:page|client|docs|import|healthz|readyz|openapi|events)[^\"'`]*")

// TestNoAbsolutePaths checks all documents that are served besides the API. Swagger UI's own files use no path.
func TestNoAbsolutePaths(t *testing.T) {
	for _, bad := range []string{
		`<a href="/x">`, `fetch("/healthz"`, "call(`/import/${id}`)", `location.origin + "/import"`, `, "/import", {`,
		`url: "/x"`,
	} {
		if !absolute.MatchString(bad) {
			t.Errorf("absolute does not match %s", bad)
		}
	}
	s := start(t, web.UI{}, nil)
	paths := append(files(t), "/", "/docs", "/docs/", "/docs/start.js", "/docs/style.css", "/client.js")
	for _, path := range paths {
		response, body := s.get(t, "GET", path)
		if response.StatusCode != http.StatusOK {
			t.Errorf("GET %s: got %d, want 200", path, response.StatusCode)
		}
		for _, found := range absolute.FindAllString(body, -1) {
			t.Errorf("GET %s: got %s, want URLs relative to the page", path, found)
		}
	}
}

// directory is that of this package. A running store changes the working directory.
var directory, _ = os.Getwd()

func TestCaching(t *testing.T) {
	s := start(t, web.UI{}, nil)
	for _, path := range []string{"/", "/page/main.js"} {
		first, _ := s.get(t, "GET", path)
		tag := first.Header.Get("ETag")
		if first.Header.Get("Cache-Control") != "no-cache" || tag == "" || first.Header.Get("Last-Modified") != "" {
			t.Errorf("GET %s: got Cache-Control %q, ETag %q, Last-Modified %q; want no-cache, one, none", path,
				first.Header.Get("Cache-Control"), tag, first.Header.Get("Last-Modified"))
		}
		for given, want := range map[string]int{
			tag: 304, "W/" + tag: 304, `"another", ` + tag: 304, "*": 304, `"another"`: 200,
		} {
			response, body := s.get(t, "GET", path, "If-None-Match", given)
			if response.StatusCode != want || want == 304 && body != "" {
				t.Errorf("GET %s, If-None-Match %s: got %d %.50s, want %d", path, given, response.StatusCode, body, want)
			}
		}
		for _, field := range []string{"Range", "If-Match", "If-Unmodified-Since"} { // support is optional
			if response, _ := s.get(t, "GET", path, field, "bytes=0-1"); response.StatusCode != 200 {
				t.Errorf("GET %s, %s: got %d, want 200", path, field, response.StatusCode)
			}
		}
	}
}

// TestSettings: the page contains the settings, and its ETag depends on them.
func TestSettings(t *testing.T) {
	tags := map[string]bool{}
	for _, c := range []struct {
		options web.UI
		asks    bool
		holds   []string
	}{
		{web.UI{}, false, []string{
			`"signpost-asks-key" content="false"`, `"signpost-local" content="true"`, `"signpost-downloads" content="false"`,
		}},
		{web.UI{Downloads: true}, true, []string{
			`"signpost-asks-key" content="true"`, `"signpost-local" content="false"`, `"signpost-downloads" content="true"`,
		}},
	} {
		t.Run("", func(t *testing.T) {
			s := start(t, c.options, authenticator(c.asks))
			response, body := s.get(t, "GET", "/")
			for _, want := range c.holds {
				if !strings.Contains(body, want) {
					t.Errorf("GET / with %+v: got %.800s, want %s", c.options, body, want)
				}
			}
			tag := response.Header.Get("ETag")
			if tags[tag] {
				t.Errorf("GET / with %+v: got ETag %s as before, want another", c.options, tag)
			}
			tags[tag] = true
		})
	}
}

func TestPolicy(t *testing.T) {
	s := start(t, web.UI{}, nil)
	response, body := s.get(t, "GET", "/")
	got := map[string]string{}
	for directive := range strings.SplitSeq(response.Header.Get("Content-Security-Policy"), "; ") {
		name, value, _ := strings.Cut(directive, " ")
		got[name] = value
	}
	for name, want := range map[string]string{
		"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "worker-src": "blob:", "img-src": "'self'",
		"connect-src": "'self' " + s.store.Endpoint(), "form-action": "'none'",
		"base-uri": "'none'", "frame-ancestors": "'none'",
	} {
		if got[name] != want {
			t.Errorf("GET /: got %s %s, want %s", name, got[name], want)
		}
	}
	if inline := regexp.MustCompile(`<script>|<style|\sstyle=|\son\w+=|javascript:`).FindString(body); inline != "" {
		t.Errorf("GET /: got %s in the page, want nothing inline", inline)
	}
	for _, field := range []string{"X-Content-Type-Options", "Referrer-Policy"} {
		if response.Header.Get(field) == "" {
			t.Errorf("GET /: got no %s", field)
		}
	}
}
