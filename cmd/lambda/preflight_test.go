package main_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/openapi"
	"github.com/signpost-s3/signpost/openapi/export"
)

const (
	friend   = "https://app.example.com"
	stranger = "https://evil.example.com"
)

// preflight sends a preflight, without a key, for a request of a page of origin with this method and these headers.
func preflight(t testing.TB, base, origin, method, path, headers string) (int, http.Header, string) {
	t.Helper()
	return speak(t, base, "").call(t, "OPTIONS", path, "", "Origin", origin,
		"Access-Control-Request-Method", method, "Access-Control-Request-Headers", headers)
}

// among reports whether the list wanted is a subset of another list, case-insensitively.
func among(list, wanted string) bool {
	had := strings.Split(strings.ToLower(strings.ReplaceAll(list, " ", "")), ",")
	return !slices.ContainsFunc(
		strings.Split(wanted, ","), func(name string) bool { return !slices.Contains(had, strings.ToLower(name)) },
	)
}

// TestPreflight checks that through a REST API, pages of the configured origins may make every call, and others none.
func TestPreflight(t *testing.T) {
	f := start(t, "SIGNPOST_CORS_ORIGINS="+friend+",https://other.example.com", "SIGNPOST_ALLOW_ANONYMOUS=false")
	headers := map[string]string{
		"createImport": "content-type,idempotency-key,x-api-key", "getImport": "if-none-match,x-api-key",
		"signParts": "content-type,x-api-key", "completeImport": "content-type,x-api-key",
	}
	anonymous := printed(t, export.Options{Anonymous: true})
	for name, document := range map[string][]byte{"with keys": contract, "anonymous": anonymous} {
		base := gateway(t, document, f.Invoke)
		for _, o := range openapi.Operations {
			path := strings.ReplaceAll(o.Path, "{id}", "0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55")
			requested := "x-api-key"
			if more := headers[o.ID]; more != "" {
				requested = more
			}
			status, header, answer := preflight(t, base, friend, o.Method, path, requested)
			if status != 204 || answer != "" || !slices.Equal(header.Values("Access-Control-Allow-Origin"), []string{friend}) ||
				!among(
					header.Get("Access-Control-Allow-Methods"),
					o.Method,
				) || !among(header.Get("Access-Control-Allow-Headers"), requested) {
				t.Errorf(
					"%s: preflight of %s with %s: got %d %v %s, want it allowed to %s", name, o.ID, requested, status, header, answer,
					friend,
				)
			}
			if !among(strings.Join(header.Values("Vary"), ","), "origin") {
				t.Errorf("%s: preflight of %s: got Vary %q, want Origin in it", name, o.ID, header.Values("Vary"))
			}
			for _, origin := range []string{stranger, friend + ".evil.example.com", "http://app.example.com", "null"} {
				status, header, answer := preflight(t, base, origin, o.Method, path, requested)
				allows(t, name+": "+o.ID+" from "+origin, header, "")
				if status != 403 || !strings.Contains(answer, "origin-not-allowed") {
					t.Errorf("%s: preflight of %s from %s: got %d %s, want the function's 403", name, o.ID, origin, status, answer)
				}
			}
		}
	}
}

// allows checks which origin may read a response: "*" for all, "" for none.
func allows(t testing.TB, what string, header http.Header, origin string) {
	t.Helper()
	if got := header.Get("Access-Control-Allow-Origin"); got != origin {
		t.Errorf("%s: got Access-Control-Allow-Origin %q, want %q", what, got, origin)
	}
	for _, name := range []string{"Methods", "Headers"} {
		if got := header.Get("Access-Control-Allow-" + name); origin == "" && got != "" {
			t.Errorf("%s: got Access-Control-Allow-%s %q, want none", what, name, got)
		}
	}
	if got := header.Values("Access-Control-Allow-Credentials"); got != nil {
		t.Errorf("%s: got Access-Control-Allow-Credentials %q, want none", what, got)
	}
}

// TestPagesCall checks that requests of pages need a key. Pages may read every response with its ETag, also those of
// the gateway itself.
func TestPagesCall(t *testing.T) {
	f := start(t, "SIGNPOST_CORS_ORIGINS="+friend)
	base := gateway(t, contract, f.Invoke)
	keyed, anonymous := speak(t, base, "value-of-a"), speak(t, base, "")
	id := keyed.create(t, client.ImportRequest{Size: ptr[int64](3)}).ID
	_, known, _ := keyed.call(t, "GET", "/import/"+id, "", "Origin", friend)
	for _, c := range []struct {
		name         string
		a            *api
		method, path string
		header       []string
		status       int
		allowed      string
	}{
		{"create", keyed, "POST", "/import", []string{"Origin", friend}, 200, friend},
		{"list", keyed, "GET", "/import", []string{"Origin", friend}, 200, friend},
		{"read", keyed, "GET", "/import/" + id, []string{"Origin", friend}, 200, friend},
		{
			"read again", keyed, "GET", "/import/" + id, []string{"Origin", friend, "If-None-Match", known.Get("Etag")}, 304,
			friend,
		},
		{"read what is not", keyed, "GET", "/import/x", []string{"Origin", friend}, 404, friend},
		{"delete", keyed, "DELETE", "/import/" + id, []string{"Origin", friend}, 204, friend},
		{"from a stranger", keyed, "GET", "/import/" + id, []string{"Origin", stranger}, 403, ""},
		{"without a page", keyed, "GET", "/import/" + id, nil, 200, ""},
		{"without a key", anonymous, "POST", "/import", []string{"Origin", friend}, 403, "*"},
		{"without a key, the list", anonymous, "GET", "/import", []string{"Origin", friend}, 403, "*"},
		{"another key", speak(t, base, "value-of-c"), "DELETE", "/import/" + id, []string{"Origin", friend}, 403, "*"},
		{"another path", keyed, "GET", "/imports", []string{"Origin", friend}, 403, "*"},
		{"more than Lambda takes", keyed, "POST", "/import", append([]string{"Origin", friend}, asJSON...), 413, "*"},
	} {
		body := ""
		if c.status == http.StatusRequestEntityTooLarge {
			body = strings.Repeat(" ", 7*mib)
		}
		status, header, answer := c.a.call(t, c.method, c.path, body, c.header...)
		if status != c.status {
			t.Errorf("%s: got %d %s, want %d", c.name, status, answer, c.status)
		}
		allows(t, c.name, header, c.allowed)
		const exposed = "ETag,Location,X-Request-Id,Retry-After"
		if got := header.Get("Access-Control-Expose-Headers"); c.allowed == friend && !among(got, exposed) {
			t.Errorf("%s: got Access-Control-Expose-Headers %q, want %s in it", c.name, got, exposed)
		}
	}
	if known.Get("Etag") == "" {
		t.Error("read: got no ETag, want one to ask with")
	}
}

// TestNoPages checks that without CORS origins no page may call the function.
func TestNoPages(t *testing.T) {
	f := start(t)
	base := gateway(t, contract, f.Invoke)
	for _, o := range openapi.Operations {
		status, header, answer := preflight(t, base, friend, o.Method, strings.ReplaceAll(o.Path, "{id}", "x"), "x-api-key")
		if allows(t, o.ID, header, ""); status != 403 || !strings.Contains(answer, "origin-not-allowed") {
			t.Errorf("preflight of %s: got %d %s, want 403", o.ID, status, answer)
		}
	}
	status, header, answer := speak(t, base, "value-of-a").call(t, "POST", "/import", "", "Origin", friend)
	if allows(t, "create", header, ""); status != 403 {
		t.Errorf("create from a page: got %d %s, want 403", status, answer)
	}
	if status, header, _ := speak(t, base, "").call(t, "OPTIONS", "/import", ""); status != 204 ||
		header.Get("Allow") == "" {
		t.Errorf("OPTIONS of no page: got %d %v, want 204 with Allow", status, header)
	}
}
