package httpapi_test

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/httpapi"
	"github.com/signpost-s3/signpost/internal/imports"
)

// TestRateLimit: each caller has a burst, then so many a second; the answers say what is left.
func TestRateLimit(t *testing.T) {
	authenticate, keys := members(t, map[string]auth.Scope{"alice": auth.All, "bob": auth.All})
	var mu sync.Mutex
	clock := time.Now()
	now := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return clock
	}
	s := start(t, settings{now: now, options: func(o *httpapi.Options) { o.Authenticate, o.RateLimit = authenticate, 3 }})
	for left := 5; left >= 0; left-- {
		status, header, body := s.as(t, keys["alice"], "POST", "/import", "")
		if want := fmt.Sprintf(`"requests";r=%d;t=2`, left); status != 200 || header.Get("RateLimit") != want || header.Get("RateLimit-Policy") != `"requests";q=6;w=2` {
			t.Fatalf("got %d %q %q %s, want 200 %q", status, header.Get("RateLimit"), header.Get("RateLimit-Policy"), body, want)
		}
	}
	status, header, body := s.as(t, keys["alice"], "POST", "/import", "")
	if status != 429 || codeOf(body) != "rate-limited" || header.Get("Retry-After") != "1" || !strings.HasPrefix(header.Get("RateLimit"), `"requests";r=0`) || !strings.Contains(body, "3 requests a second") {
		t.Errorf("got %d %v %s, want 429 that names the limit", status, header, body)
	}
	if status, _, _ := s.as(t, keys["bob"], "POST", "/import", ""); status != 200 {
		t.Errorf("another caller: got %d, want 200", status)
	}
	if status, _, _ := s.as(t, keys["alice"], "GET", "/healthz", ""); status != 200 {
		t.Errorf("health: got %d, want 200", status)
	}
	mu.Lock()
	clock = clock.Add(time.Second)
	mu.Unlock()
	for range 3 {
		if status, _, _ := s.as(t, keys["alice"], "POST", "/import", ""); status != 200 {
			t.Errorf("a second later: got %d, want 200", status)
		}
	}
	if status, _, _ := s.as(t, keys["alice"], "POST", "/import", ""); status != 429 {
		t.Errorf("a second and three requests later: got %d, want 429", status)
	}
}

// TestForwardedFor: only a proxy that is trusted says who its client is.
func TestForwardedFor(t *testing.T) {
	loopback := &net.IPNet{IP: net.IPv4(127, 0, 0, 0), Mask: net.CIDRMask(8, 32)}
	for _, c := range []struct {
		trusted         []*net.IPNet
		forwarded, want string
	}{
		{nil, "203.0.113.7", "127.0.0.1"},
		{[]*net.IPNet{loopback}, "203.0.113.7", "203.0.113.7"},
		{[]*net.IPNet{loopback}, "1.2.3.4, 203.0.113.7", "203.0.113.7"}, // the client's own say comes first
		{[]*net.IPNet{loopback}, "203.0.113.7, 127.0.0.9", "203.0.113.7"},
		{[]*net.IPNet{loopback}, "203.0.113.7:4711", "203.0.113.7"},
		{[]*net.IPNet{loopback}, "[2001:db8::7]:4711", "2001:db8::7"},
		{[]*net.IPNet{loopback}, "2001:db8::7", "2001:db8::7"},
		{[]*net.IPNet{loopback}, "203.0.113.7, no address", "127.0.0.1"},
		{[]*net.IPNet{loopback}, "", "127.0.0.1"},
		{[]*net.IPNet{loopback}, "no address", "127.0.0.1"},
		{[]*net.IPNet{{IP: net.IPv4(10, 0, 0, 0), Mask: net.CIDRMask(8, 32)}}, "203.0.113.7", "127.0.0.1"},
	} {
		s := start(t, settings{options: func(o *httpapi.Options) { o.TrustedProxies = c.trusted }})
		r := request(t, "GET", s.url+"/healthz", nil)
		r.Header.Set("X-Forwarded-For", c.forwarded)
		do(t, r)
		if log := s.log.String(); !strings.Contains(log, `"remote":"`+c.want+`"`) {
			t.Errorf("%v, X-Forwarded-For %q: got %s, want remote %s", c.trusted, c.forwarded, log, c.want)
		}
	}
}

// TestContentTypes: when the operator names types, imports are of these, and none goes without.
func TestContentTypes(t *testing.T) {
	s := start(t, settings{limits: imports.Limits{ContentTypes: []string{"text/csv", "image/*"}}})
	for body, want := range map[string]int{
		`{"content_type":"text/csv"}`:                200,
		`{"content_type":"text/csv; charset=utf-8"}`: 200,
		`{"content_type":"Text/CSV"}`:                200,
		`{"content_type":"image/png"}`:               200,
		`{"content_type":"image/svg+xml"}`:           200,
		`{"content_type":"text/html"}`:               422,
		`{"content_type":"text/csv2"}`:               422,
		`{"content_type":"application/image/png"}`:   400,
		`{}`: 422,
		``:   422,
		`{"mode":"form","content_type":"text/html"}`:   422,
		`{"size":70000000,"content_type":"video/mp4"}`: 422,
	} {
		contentType := "application/json"
		if body == "" {
			contentType = ""
		}
		status, _, answer := s.post(t, contentType, body)
		if status != want || status == 422 && (codeOf(answer) != imports.CodeContentType || !strings.Contains(answer, "text/csv, image/*")) {
			t.Errorf("%s: got %d %s, want %d", body, status, answer, want)
		}
	}
}

// TestWebhooks: an import names a receiver of its own only where its host is one that the operator allows, exactly.
func TestWebhooks(t *testing.T) {
	s := start(t, settings{limits: imports.Limits{WebhookHosts: []string{"hooks.example.com", "hooks.example.com:8443", "[2001:db8::1]:80"}}})
	none := start(t, settings{})
	for url, want := range map[string]int{
		"https://hooks.example.com/a?b=c":     200,
		"https://hooks.example.com":           200,
		"https://hooks.example.com:8443/":     200,
		"http://hooks.example.com/":           422, // another port
		"http://[2001:db8::1]:80/":            200,
		"https://hooks.example.com:443/":      200,
		"http://hooks.example.com:8443/":      200, // which is called in private networks alone
		"https://hooks.example.com:84430/":    422,
		"https://hooks.example.com.evil.com/": 422,
		"https://evil.com/hooks.example.com":  422,
		"https://hooks.example.com@evil.com/": 422,
		"https://u:p@hooks.example.com/":      422,
		"https://HOOKS.example.com/":          200, // the same host
		"https:///a":                          422,
		"https://hooks.example.com/#a":        400,
		"ftp://hooks.example.com/":            400,
		"hooks.example.com":                   400,
		"":                                    400,
	} {
		body := fmt.Sprintf(`{"webhook_url":%q}`, url)
		status, _, answer := s.post(t, "application/json", body)
		if status != want || status == 422 && codeOf(answer) != imports.CodeWebhook || status == 400 && codeOf(answer) != imports.CodeInvalidRequest {
			t.Errorf("%s: got %d %s, want %d", body, status, answer, want)
		}
		if status, _, answer := none.post(t, "application/json", body); status == 200 {
			t.Errorf("%s where no host is allowed: got %d %s, want a refusal", body, status, answer)
		}
	}
}

// TestOpenUploads: an owner has so many uploads in parts under way at a time; single uploads do not count, nor do those of others.
func TestOpenUploads(t *testing.T) {
	authenticate, keys := members(t, map[string]auth.Scope{"alice": auth.All, "bob": auth.All})
	s := start(t, settings{limits: imports.Limits{OpenUploads: 2}, options: func(o *httpapi.Options) { o.Authenticate = authenticate }})
	const parts = `{"mode":"multipart"}`
	var ids []string
	for range 2 {
		status, _, body := s.as(t, keys["alice"], "POST", "/import", parts)
		if status != 200 {
			t.Fatalf("got %d %s, want 200", status, body)
		}
		ids = append(ids, idOf(body))
	}
	status, _, body := s.as(t, keys["alice"], "POST", "/import", parts)
	if status != 422 || codeOf(body) != imports.CodeOpenUploads || !strings.Contains(body, "2 uploads") {
		t.Errorf("the third: got %d %s, want 422 that names the limit", status, body)
	}
	for _, c := range []struct{ who, body string }{{"bob", parts}, {"alice", `{}`}} {
		if status, _, body := s.as(t, keys[c.who], "POST", "/import", c.body); status != 200 {
			t.Errorf("%s %s: got %d %s, want 200", c.who, c.body, status, body)
		}
	}
	s.as(t, keys["alice"], "DELETE", "/import/"+ids[0], "")
	if status, _, body := s.as(t, keys["alice"], "POST", "/import", parts); status != 200 {
		t.Errorf("after one was deleted: got %d %s, want 200", status, body)
	}
}

// idOf is a job's id.
func idOf(body string) string {
	_, after, _ := strings.Cut(body, `"id":"`)
	id, _, _ := strings.Cut(after, `"`)
	return id
}

// TestSecurityHeaders: every answer has them, whatever it is.
func TestSecurityHeaders(t *testing.T) {
	const friend = "https://app.example.com"
	s := start(t, settings{corsOrigins: []string{friend}, options: func(o *httpapi.Options) { o.TLS = true }})
	id := *s.create(t, client.ImportRequest{Mode: formMode}).ID
	for _, c := range []struct{ method, path, origin string }{
		{"POST", "/import", ""}, {"GET", "/import", ""}, {"GET", "/import/" + id, ""}, {"DELETE", "/import/" + id, ""}, {"GET", "/import/x", ""},
		{"GET", "/", ""}, {"PUT", "/import", ""}, {"GET", "/healthz", ""}, {"GET", "/docs", ""}, {"GET", "/openapi.yaml", ""},
		{"OPTIONS", "/import", friend}, {"OPTIONS", "/import", "https://evil.example"}, {"GET", "/" + strings.Repeat("a", 5000), ""},
	} {
		r := request(t, c.method, s.url+c.path, nil)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
			r.Header.Set("Access-Control-Request-Method", "POST")
		}
		status, header, _ := do(t, r)
		for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Strict-Transport-Security", "X-Request-Id"} {
			if header.Get(name) == "" {
				t.Errorf("%s %.20s: got %d without %s", c.method, c.path, status, name)
			}
		}
	}
}

// TestUnknownOrigins: a page nobody named gets no answer that it could use, and nothing is done for it.
func TestUnknownOrigins(t *testing.T) {
	const friend = "https://app.example.com"
	s := start(t, settings{corsOrigins: []string{friend}})
	own := strings.TrimPrefix(s.url, "http://")
	for origin, want := range map[string]int{
		friend: 200, "http://" + own: 200, "https://" + own: 200, // behind a proxy that ends TLS
		"https://evil.example": 403, "null": 403, "": 403, "file://": 403, "ftp://" + own: 403, friend + "/": 403, own: 403, friend + ", https://evil.example": 403,
	} {
		r := request(t, "POST", s.url+"/import", nil)
		r.Header["Origin"] = []string{origin}
		r.Header.Set("X-Api-Key", "a credential")
		status, header, body := do(t, r)
		if status != want || status == 403 && (codeOf(body) != "origin-not-allowed" || header.Get("Access-Control-Allow-Origin") != "") {
			t.Errorf("Origin %q: got %d %s, want %d", origin, status, body, want)
		}
	}
	r := request(t, "POST", s.url+"/import", nil)
	r.Header["Origin"] = []string{friend, "https://evil.example"}
	if status, _, body := do(t, r); status != 403 {
		t.Errorf("two Origins: got %d %s, want 403", status, body)
	}
}

// TestWatch: what the metrics count has few names, whatever is asked for.
func TestWatch(t *testing.T) {
	var mu sync.Mutex
	var answered, seen []string
	s := start(t, settings{options: func(o *httpapi.Options) {
		o.Watch = httpapi.Watch{
			Answered: func(operation string, status int, took time.Duration) {
				mu.Lock()
				defer mu.Unlock()
				if took <= 0 {
					t.Errorf("%s took %v", operation, took)
				}
				answered = append(answered, fmt.Sprint(operation, " ", status))
			},
			Seen: func(status imports.Status) {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, string(status))
			},
		}
	}})
	id := *s.create(t, client.ImportRequest{Mode: formMode}).ID
	s.post(t, "", "")
	do(t, request(t, "GET", s.url+"/import/"+id, nil))
	do(t, request(t, "GET", s.url+"/import/"+concrete("{id}"), nil))
	do(t, request(t, "GET", s.url+"/"+strings.Repeat("x", 99), nil))
	do(t, request(t, http.MethodTrace, s.url+"/import", nil))
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"createImport 200", "createImport 200", "getImport 200", "getImport 404", "other 404", "other 405"}; !slices.Equal(answered, want) {
		t.Errorf("answered: got %q, want %q", answered, want)
	}
	if want := []string{"awaiting_upload", "awaiting_upload"}; !slices.Equal(seen, want) {
		t.Errorf("seen: got %q, want %q", seen, want)
	}
}

// TestRefusalsAreCounted: who is refused may not ask more often than who is let in, and costs nobody else anything.
func TestRefusalsAreCounted(t *testing.T) {
	authenticate, keys := members(t, map[string]auth.Scope{"alice": auth.All, "reader": auth.Read})
	clock := time.Now()
	s := start(t, settings{now: func() time.Time { return clock }, options: func(o *httpapi.Options) { o.Authenticate, o.RateLimit = authenticate, 3 }})
	for _, c := range []struct {
		name, key string
		want      int
	}{{"an unknown key", "wrong", 401}, {"a key without the scope", keys["reader"], 403}} {
		for n := range 8 {
			want := c.want
			if n >= 6 {
				want = 429
			}
			if status, _, body := s.as(t, c.key, "DELETE", concrete("/import/{id}"), ""); status != want {
				t.Errorf("%s, request %d: got %d %s, want %d", c.name, n+1, status, body, want)
			}
		}
	}
	if status, _, _ := s.as(t, keys["alice"], "POST", "/import", ""); status != 200 {
		t.Errorf("another caller at the same address: got %d, want 200", status)
	}
}

// TestRateLimitOfNetworks: another address of one's own IPv6 network makes nobody another caller.
func TestRateLimitOfNetworks(t *testing.T) {
	loopback := &net.IPNet{IP: net.IPv4(127, 0, 0, 0), Mask: net.CIDRMask(8, 32)}
	clock := time.Now()
	s := start(t, settings{now: func() time.Time { return clock }, options: func(o *httpapi.Options) {
		o.RateLimit, o.TrustedProxies = 3, []*net.IPNet{loopback}
	}})
	from := func(address string) int {
		r := request(t, "POST", s.url+"/import", nil)
		r.Header.Set("X-Forwarded-For", address)
		status, _, _ := do(t, r)
		return status
	}
	for n := range 6 {
		if got := from(fmt.Sprintf("2001:db8::%x", n+1)); got != 200 {
			t.Errorf("request %d: got %d, want 200", n+1, got)
		}
	}
	for address, want := range map[string]int{"2001:db8::ffff:0:0:7": 429, "2001:db8:0:1::1": 200, "203.0.113.7": 200, "203.0.113.8": 200} {
		if got := from(address); got != want {
			t.Errorf("then from %s: got %d, want %d", address, got, want)
		}
	}
}
