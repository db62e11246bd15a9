package httpapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/signpost-s3/signpost/openapi"
)

func TestDocuments(t *testing.T) {
	s := start(t, settings{})
	for path, c := range map[string]struct{ contentType, holds string }{
		"/openapi.yaml":                {"application/yaml", "openapi: 3.0.3"},
		"/openapi.json":                {"application/json", `"openapi": "3.0.3"`},
		"/docs":                        {"text/html; charset=utf-8", `"docs/start.js"`},
		"/docs/":                       {"text/html; charset=utf-8", `"start.js"`},
		"/docs/start.js":               {"text/javascript; charset=utf-8", "openapi.json"},
		"/docs/style.css":              {"text/css; charset=utf-8", "prefers-color-scheme: dark"},
		"/docs/swagger-ui.css":         {"text/css; charset=utf-8", ".swagger-ui"},
		"/docs/swagger-ui-bundle.js":   {"text/javascript; charset=utf-8", "SwaggerUIBundle"},
		"/docs/favicon-32x32.png":      {"image/png", "PNG"},
		"/healthz":                     {"application/json", `"ok"`},
		"/readyz":                      {"application/json", `"ok"`},
		"/healthz/":                    {"application/json", `"ok"`},
		"/docs/swagger-initializer.js": {"application/problem+json", "not-found"}, // the pet store's
	} {
		status, header, body := do(t, request(t, "GET", s.url+path, nil))
		if (status == 200) == strings.HasPrefix(c.contentType, "application/problem") ||
			header.Get("Content-Type") != c.contentType ||
			!strings.Contains(body, c.holds) {
			t.Errorf("GET %s: got %d %s %.200s, want %s with %s", path, status, header.Get("Content-Type"),
				body, c.contentType, c.holds)
		}
		if head, _, _ := do(t, request(t, "HEAD", s.url+path, nil)); head != status {
			t.Errorf("HEAD %s: got %d, want %d as GET", path, head, status)
		}
		if path == "/docs" && (!strings.Contains(header.Get("Content-Security-Policy"),
			"default-src 'self'") || strings.Contains(header.Get("Content-Security-Policy"), "unsafe")) {
			t.Errorf("GET /docs: got Content-Security-Policy %q, want scripts and styles of this server alone",
				header.Get("Content-Security-Policy"))
		}
	}
}

// TestDocumentsAreUnchanged checks that the YAML is served byte for byte, and the JSON of a service with API keys with
// the same content, except preflights.
func TestDocumentsAreUnchanged(t *testing.T) {
	s := start(t, settings{})
	if _, _, body := do(t, request(t, "GET", s.url+"/openapi.yaml", nil)); body != string(openapi.YAML) {
		t.Error("/openapi.yaml differs from the contract")
	}
	_, _, body := do(t, request(t, "GET", s.url+"/openapi.json", nil))
	served, err := openapi3.NewLoader().LoadFromData([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	written, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	a, errA := json.Marshal(served)
	b, errB := json.Marshal(written)
	if errA != nil || errB != nil || string(a) != string(b) {
		t.Errorf("/openapi.json differs from the contract: %v %v", errA, errB)
	}
}

// TestCORS checks that CORS is off by default, and otherwise allows exactly the configured origins.
func TestCORS(t *testing.T) {
	const friend = "https://app.example.com"
	on, off := start(t, settings{corsOrigins: []string{friend}}), start(t, settings{})
	for _, c := range []struct {
		service *service
		origin  string
		allowed bool
	}{
		{on, friend, true},
		{on, "https://APP.example.com", false},
		{on, friend + ".evil.com", false},
		{on, "https://sub.app.example.com", false},
		{on, "http://app.example.com", false},
		{on, friend + ":8443", false},
		{on, "null", false},
		{off, friend, false},
	} {
		for _, method := range []string{"OPTIONS", "POST"} {
			r := request(t, method, c.service.url+"/import", nil)
			r.Header.Set("Origin", c.origin)
			if method == "OPTIONS" {
				r.Header.Set("Access-Control-Request-Method", "POST")
				r.Header.Set("Access-Control-Request-Headers", "content-type,idempotency-key")
			}
			_, header, _ := do(t, r)
			want := ""
			if c.allowed {
				want = c.origin
			}
			if got := header.Get("Access-Control-Allow-Origin"); got != want {
				t.Errorf("%s from %s: got Access-Control-Allow-Origin %q, want %q", method, c.origin, got, want)
			}
			if header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s from %s: credentials are allowed", method, c.origin)
			}
			for _, name := range []string{"Idempotency-Key", "Traceparent", "Tracestate", "Baggage", "Sentry-Trace"} {
				if got := header.Get("Access-Control-Allow-Headers"); c.allowed && method == "OPTIONS" &&
					!strings.Contains(got, name) {
					t.Errorf("preflight: got headers %q, want %s among them", got, name)
				}
			}
		}
	}
}
