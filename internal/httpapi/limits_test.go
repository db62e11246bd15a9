package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/httpapi"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/web"
)

// TestRateLimit checks that each caller has a burst and a rate, and that responses report the rest.
func TestRateLimit(t *testing.T) {
	authenticate, keys := newKeys(t, map[string]auth.Scope{"alice": auth.All, "bob": auth.All})
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
		if want := fmt.Sprintf(`"requests";r=%d;t=2`, left); status != 200 || header.Get("RateLimit") != want ||
			header.Get("RateLimit-Policy") != `"requests";q=6;w=2` {
			t.Fatalf("got %d %q %q %s, want 200 %q", status, header.Get("RateLimit"), header.Get("RateLimit-Policy"), body, want)
		}
	}
	status, header, body := s.as(t, keys["alice"], "POST", "/import", "")
	if status != 429 || codeOf(body) != "rate-limited" || header.Get("Retry-After") != "1" ||
		!strings.HasPrefix(header.Get("RateLimit"), `"requests";r=0`) ||
		!strings.Contains(body, "3 requests per second") {
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

// TestForwardedFor checks that only trusted proxies determine the client's address.
func TestForwardedFor(t *testing.T) {
	loopback := &net.IPNet{IP: net.IPv4(127, 0, 0, 0), Mask: net.CIDRMask(8, 32)}
	for _, c := range []struct {
		trusted         []*net.IPNet
		forwarded, want string
	}{
		{nil, "203.0.113.7", "127.0.0.1"},
		{[]*net.IPNet{loopback}, "203.0.113.7", "203.0.113.7"},
		{[]*net.IPNet{loopback}, "1.2.3.4, 203.0.113.7", "203.0.113.7"}, // the client forged the first one
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

// TestContentTypes checks that imports must have a content type that the operator permits.
func TestContentTypes(t *testing.T) {
	s := start(t, settings{limits: imports.Limits{ContentTypes: []string{"text/csv", "image/*"}}})
	for body, want := range map[string]int{
		`{"content_type":"text/csv"}`:                201,
		`{"content_type":"text/csv; charset=utf-8"}`: 201,
		`{"content_type":"Text/CSV"}`:                201,
		`{"content_type":"image/png"}`:               201,
		`{"content_type":"image/svg+xml"}`:           201,
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
		if status != want ||
			status == 422 && (codeOf(answer) != imports.CodeContentType || !strings.Contains(answer, "text/csv, image/*")) {
			t.Errorf("%s: got %d %s, want %d", body, status, answer, want)
		}
	}
}

// TestWebhooks checks that a webhook URL must have a host that the operator permits, exactly.
func TestWebhooks(t *testing.T) {
	s := start(
		t,
		settings{
			limits: imports.Limits{WebhookHosts: []string{"hooks.example.com", "hooks.example.com:8443", "[2001:db8::1]:80"}},
		},
	)
	none := start(t, settings{})
	for url, want := range map[string]int{
		"https://hooks.example.com/a?b=c":     201,
		"https://hooks.example.com":           201,
		"https://hooks.example.com:8443/":     201,
		"http://hooks.example.com/":           400,
		"http://[2001:db8::1]:80/":            400,
		"https://[2001:db8::1]:80/":           201,
		"https://hooks.example.com:443/":      201,
		"http://hooks.example.com:8443/":      400,
		"https://hooks.example.com:84430/":    422,
		"https://hooks.example.com.evil.com/": 422,
		"https://evil.com/hooks.example.com":  422,
		"https://hooks.example.com@evil.com/": 422,
		"https://u:p@hooks.example.com/":      422,
		"https://HOOKS.example.com/":          201, // the same host
		"https:///a":                          422,
		"https://hooks.example.com/#a":        400,
		"ftp://hooks.example.com/":            400,
		"hooks.example.com":                   400,
		"":                                    400,
	} {
		body := fmt.Sprintf(`{"webhook_url":%q}`, url)
		status, _, answer := s.post(t, "application/json", body)
		if status != want || status == 422 && codeOf(answer) != imports.CodeWebhook ||
			status == 400 && codeOf(answer) != imports.CodeInvalidRequest {
			t.Errorf("%s: got %d %s, want %d", body, status, answer, want)
		}
		if status, _, answer := none.post(t, "application/json", body); status == 201 {
			t.Errorf("%s where no host is allowed: got %d %s, want a refusal", body, status, answer)
		}
	}
}

// TestOpenUploads checks the limit of multipart uploads in progress per owner. Single uploads do not count.
func TestOpenUploads(t *testing.T) {
	alice, bob := uuid.NewString(), uuid.NewString() // other tests, and this one when it runs twice, share the bucket
	authenticate, keys := newKeys(t, map[string]auth.Scope{alice: auth.All, bob: auth.All})
	s := start(
		t,
		settings{limits: imports.Limits{OpenUploads: 2}, options: func(o *httpapi.Options) { o.Authenticate = authenticate }},
	)
	const parts = `{"mode":"multipart"}`
	var ids []string
	for range 2 {
		status, _, body := s.as(t, keys[alice], "POST", "/import", parts)
		if status != 201 {
			t.Fatalf("got %d %s, want 201", status, body)
		}
		ids = append(ids, idOf(body))
	}
	status, _, body := s.as(t, keys[alice], "POST", "/import", parts)
	if status != 422 || codeOf(body) != imports.CodeOpenUploads || !strings.Contains(body, "2 multipart uploads") {
		t.Errorf("the third: got %d %s, want 422 that names the limit", status, body)
	}
	for _, c := range []struct{ who, body string }{{bob, parts}, {alice, `{}`}} {
		if status, _, body := s.as(t, keys[c.who], "POST", "/import", c.body); status != 201 {
			t.Errorf("%s %s: got %d %s, want 201", c.who, c.body, status, body)
		}
	}
	s.as(t, keys[alice], "DELETE", "/import/"+ids[0], "")
	if status, _, body := s.as(t, keys[alice], "POST", "/import", parts); status != 201 {
		t.Errorf("after one was deleted: got %d %s, want 201", status, body)
	}
}

// idOf returns an import's id.
func idOf(body string) string {
	_, after, _ := strings.Cut(body, `"id":"`)
	id, _, _ := strings.Cut(after, `"`)
	return id
}

// TestSecurityHeaders checks that every response has the security headers.
func TestSecurityHeaders(t *testing.T) {
	const friend = "https://app.example.com"
	s := start(t, settings{corsOrigins: []string{friend}, options: func(o *httpapi.Options) { o.TLS = true }})
	id := s.create(t, client.ImportRequest{Mode: formMode}).ID
	for _, c := range []struct{ method, path, origin string }{
		{"POST", "/import", ""}, {"GET", "/import", ""}, {"GET", "/import/" + id, ""}, {"DELETE", "/import/" + id, ""},
		{"GET", "/import/x", ""},
		{"GET", "/", ""}, {"PUT", "/import", ""}, {"GET", "/healthz", ""}, {"GET", "/docs", ""}, {"GET", "/openapi.yaml", ""},
		{"OPTIONS", "/import", friend}, {"OPTIONS", "/import", "https://evil.example"},
		{"GET", "/" + strings.Repeat("a", 5000), ""},
	} {
		r := request(t, c.method, s.url+c.path, nil)
		r.Header.Set("X-Forwarded-Proto", "https") // Echo takes this for TLS
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
			r.Header.Set("Access-Control-Request-Method", "POST")
		}
		status, header, _ := do(t, r)
		for _, name := range []string{
			"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Strict-Transport-Security", "X-Request-Id",
		} {
			if header.Get(name) == "" {
				t.Errorf("%s %.20s: got %d without %s", c.method, c.path, status, name)
			}
		}
	}
}

// TestUnknownOrigins checks that requests of pages with an unknown origin are rejected and change nothing.
func TestUnknownOrigins(t *testing.T) {
	const friend = "https://app.example.com"
	s := start(t, settings{corsOrigins: []string{friend}})
	own := strings.TrimPrefix(s.url, "http://")
	for origin, want := range map[string]int{
		friend: 200, "http://" + own: 200, "https://" + own: 200, // behind a proxy that ends TLS
		"https://evil.example": 403, "null": 403, "": 403, "file://": 403, "ftp://" + own: 403, friend + "/": 403, own: 403,
		friend + ", https://evil.example": 403,
	} {
		r := request(t, "POST", s.url+"/import", nil)
		r.Header["Origin"] = []string{origin}
		r.Header.Set("X-Api-Key", "a credential")
		status, header, body := do(t, r)
		if status != want ||
			status == 403 && (codeOf(body) != "origin-not-allowed" || header.Get("Access-Control-Allow-Origin") != "") {
			t.Errorf("Origin %q: got %d %s, want %d", origin, status, body, want)
		}
	}
	r := request(t, "POST", s.url+"/import", nil)
	r.Header["Origin"] = []string{friend, "https://evil.example"}
	if status, _, body := do(t, r); status != 403 {
		t.Errorf("two Origins: got %d %s, want 403", status, body)
	}
}

// TestHooks checks that metrics use a closed list of operation names.
func TestHooks(t *testing.T) {
	var mu sync.Mutex
	var answered, seen []string
	s := start(t, settings{options: func(o *httpapi.Options) {
		o.Hooks = httpapi.Hooks{
			OnResponse: func(operation string, status int, took time.Duration) {
				mu.Lock()
				defer mu.Unlock()
				if took <= 0 {
					t.Errorf("%s took %v", operation, took)
				}
				answered = append(answered, fmt.Sprint(operation, " ", status))
			},
			OnStatus: func(status imports.Status) {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, string(status))
			},
		}
	}})
	id := s.create(t, client.ImportRequest{Mode: formMode}).ID
	s.post(t, "", "")
	do(t, request(t, "GET", s.url+"/import/"+id, nil))
	do(t, request(t, "GET", s.url+"/import/"+withID("{id}"), nil))
	do(t, request(t, "GET", s.url+"/"+strings.Repeat("x", 99), nil))
	do(t, request(t, http.MethodTrace, s.url+"/import", nil))
	mu.Lock()
	defer mu.Unlock()
	if want := []string{
		"createImport 201", "createImport 200", "getImport 200", "getImport 404", "other 404", "other 405",
	}; !slices.Equal(answered, want) {
		t.Errorf("answered: got %q, want %q", answered, want)
	}
	if want := []string{"awaiting_upload", "awaiting_upload"}; !slices.Equal(seen, want) {
		t.Errorf("seen: got %q, want %q", seen, want)
	}
}

// TestRejectionsAreCounted checks that rejected callers have the same rate limit, and use no other caller's quota.
func TestRejectionsAreCounted(t *testing.T) {
	authenticate, keys := newKeys(t, map[string]auth.Scope{"alice": auth.All, "reader": auth.Read})
	clock := time.Now()
	s := start(
		t,
		settings{
			now:     func() time.Time { return clock },
			options: func(o *httpapi.Options) { o.Authenticate, o.RateLimit = authenticate, 3 },
		},
	)
	for _, c := range []struct {
		name, key string
		want      int
	}{{"an unknown key", "wrong", 401}, {"a key without the scope", keys["reader"], 403}} {
		for n := range 8 {
			want := c.want
			if n >= 6 {
				want = 429
			}
			if status, _, body := s.as(t, c.key, "DELETE", withID("/import/{id}"), ""); status != want {
				t.Errorf("%s, request %d: got %d %s, want %d", c.name, n+1, status, body, want)
			}
		}
	}
	if status, _, _ := s.as(t, keys["alice"], "POST", "/import", ""); status != 200 {
		t.Errorf("another caller at the same address: got %d, want 200", status)
	}
}

// fromAddress starts a service with a rate limit and a stopped clock. It returns a function that sends a request from
// an address.
func fromAddress(
	t *testing.T, perSecond int, options func(*httpapi.Options),
) func(address, method, path string) (int, http.Header, string) {
	loopback := &net.IPNet{IP: net.IPv4(127, 0, 0, 0), Mask: net.CIDRMask(8, 32)}
	clock := time.Now()
	s := start(t, settings{now: func() time.Time { return clock }, options: func(o *httpapi.Options) {
		o.RateLimit, o.TrustedProxies = perSecond, []*net.IPNet{loopback}
		if options != nil {
			options(o)
		}
	}})
	return func(address, method, path string) (int, http.Header, string) {
		r := request(t, method, s.url+path, nil)
		r.Header.Set("X-Forwarded-For", address)
		return do(t, r)
	}
}

// TestRateLimitOfNetworks checks that a client cannot raise its limit by other addresses of its network, or other
// spellings of its address.
func TestRateLimitOfNetworks(t *testing.T) {
	for name, c := range map[string]struct {
		address func(n int) string
		then    map[string]int
	}{
		"IPv6 /64": {
			func(n int) string { return fmt.Sprintf("2001:db8::%x", n+1) },
			map[string]int{"2001:db8::ffff:0:0:7": 429, "2001:db8:0:1::1": 200, "203.0.113.7": 200, "203.0.113.8": 200},
		},
		"IPv4": {
			func(n int) string { return []string{"203.0.113.9", "::ffff:203.0.113.9", "::ffff:cb00:7109"}[n%3] },
			map[string]int{
				"203.0.113.9": 429, "::ffff:203.0.113.9": 429, "::ffff:cb00:7109": 429,
				"::ffff:203.0.113.10": 200, "203.0.113.8": 200,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			send := fromAddress(t, 3, nil)
			for n := range 6 {
				if got, _, _ := send(c.address(n), "POST", "/import"); got != 200 {
					t.Errorf("request %d: got %d, want 200", n+1, got)
				}
			}
			for address, want := range c.then {
				if got, _, _ := send(address, "POST", "/import"); got != want {
					t.Errorf("then from %s: got %d, want %d", address, got, want)
				}
			}
		})
	}
}

// TestRateLimitOfSites checks that an IPv6 /48 network has ten times the limit of one client.
func TestRateLimitOfSites(t *testing.T) {
	send := fromAddress(t, 3, nil)
	for n := range 60 {
		status, header, _ := send(fmt.Sprintf("2001:db8:0:%x::1", n), "POST", "/import")
		want := `"requests";r=5;t=2`
		if left := 59 - n; left < 5 {
			want = fmt.Sprintf(`"requests-48";r=%d;t=2`, left)
		}
		if got := header.Get("RateLimit"); status != 200 || got != want {
			t.Fatalf("request %d of the /48: got %d, RateLimit %s, want 200 and %s", n+1, status, got, want)
		}
	}
	for address, want := range map[string]int{
		"2001:db8:0:ffff::1": 429, "2001:db8:0:1::1": 429, "2001:db8:1::1": 200, "203.0.113.7": 200,
	} {
		status, header, _ := send(address, "POST", "/import")
		if status != want || status == 429 && header.Get("RateLimit-Policy") != `"requests-48";q=60;w=2` {
			t.Errorf("then from %s: got %d %v, want %d", address, status, header, want)
		}
	}
}

// TestRateLimitOfDocuments checks that documents, the web UI and unknown paths have their own limit, which loading
// the web UI and the API reference together does not reach. Health checks have none.
func TestRateLimitOfDocuments(t *testing.T) {
	if testing.Short() {
		t.Skip("sends 500 requests")
	}
	for _, perSecond := range []int{1, 7} {
		send := fromAddress(t, perSecond, func(o *httpapi.Options) {
			o.RegisterDocuments = func(e *echo.Echo) {
				web.RegisterReference(e, web.Reference{})
				web.RegisterUI(e, web.UI{})
			}
		})
		const client = "203.0.113.7"
		files := []string{
			"/", "/docs", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/start.js", "/openapi.yaml",
			"/openapi.json",
		}
		for n := 0; n < len(files); n++ {
			got, _, body := send(client, "GET", files[n])
			if got != 200 {
				t.Errorf("loading the page, %s: got %d, want 200", files[n], got)
			}
			if files[n] != "/" && !strings.HasPrefix(files[n], "/page/") && !strings.HasPrefix(files[n], "/client/") {
				continue
			}
			for _, found := range pageFile.FindAllStringSubmatch(body, -1) {
				if file := path.Join(path.Dir(files[n]), found[1]); !slices.Contains(files, file) {
					files = append(files, file)
				}
			}
		}
		if len(files) < 35 {
			t.Errorf("got %d files, want those of the page too: %q", len(files), files)
		}
		if got, _, _ := send(client, "POST", "/import"); got != 200 {
			t.Errorf("an operation after the page was loaded: got %d, want 200", got)
		}
		left := 2*max(50, 10*perSecond) - len(files)
		for n := range left {
			if got, _, _ := send(client, "GET", "/nothing"); got != 404 {
				t.Fatalf("%d a second, request %d of %d that are left: got %d, want 404", perSecond, n+1, left, got)
			}
		}
		for _, file := range append(files, "/nothing", "/page/nothing.js") {
			if got, _, _ := send(client, "GET", file); got != 429 {
				t.Errorf("%s beyond the limit: got %d, want 429", file, got)
			}
		}
		for path, want := range map[string]int{"/healthz": 200, "/readyz": 200} {
			if got, header, _ := send(client, "GET", path); got != want || header.Get("RateLimit") != "" {
				t.Errorf("%s: got %d, RateLimit %q, want %d without one", path, got, header.Get("RateLimit"), want)
			}
		}
		if got, _, _ := send("203.0.113.8", "GET", "/docs"); got != 200 {
			t.Errorf("another client: got %d, want 200", got)
		}
	}
}

// TestIDsInLog checks that logs shorten the ids of anonymous imports, which permit reading and deleting them. Ids of
// imports with an owner are logged whole, but not in rejected requests: a caller with a key may name the id of an
// anonymous import.
func TestIDsInLog(t *testing.T) {
	authenticate, keys := newKeys(t, map[string]auth.Scope{"alice": auth.All})
	for name, c := range map[string]struct {
		authenticate auth.Authenticator
		key          string
		whole        bool
	}{
		"without authentication": {nil, "", false},
		"an anonymous gateway":   {auth.NewGateway(true), "", false},
		"a caller with a key":    {authenticate, keys["alice"], true},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, settings{options: func(o *httpapi.Options) { o.Authenticate = c.authenticate }})
			call := func(method, path, body string) (int, string) {
				r := request(t, method, s.url+path, strings.NewReader(body))
				if body != "" {
					r.Header.Set("Content-Type", "application/json")
				}
				if c.key != "" {
					r.Header.Set("X-Api-Key", c.key)
				}
				if _, id, found := strings.Cut(path, "/import/"); found { // some clients use it as the request id
					r.Header.Set("X-Request-Id", strings.ReplaceAll("of-"+id, "/", "-"))
				}
				status, _, answer := do(t, r)
				return status, answer
			}
			_, untracked := call("POST", "/import", "")
			untrackedID := path.Base(strings.Split(untracked, "?")[0])
			_, made := call("POST", "/import", `{"mode":"multipart","size":5}`)
			id := idOf(made)
			lines := 2
			for _, path := range []string{"", "/parts"} {
				call("GET", "/import/"+id+path, "")
				lines++
			}
			call("POST", "/import/"+id+"/parts", `{"first":1,"count":1}`)
			call("DELETE", "/import/"+id, "")
			lines += 2
			log := s.log.String()
			for _, made := range []string{id, untrackedID} {
				if strings.Contains(log, made) != c.whole {
					t.Errorf("the log holds the whole id %s: %t, want %t:\n%s", made, !c.whole, c.whole, log)
				}
			}
			if got := strings.Count(log, id[:18]); got < lines {
				t.Errorf("got %d mentions of %s, want one in each of %d lines:\n%s", got, id[:18], lines, log)
			}
			unknown := []string{
				"/import/" + strings.ToUpper(id), "/import/" + id + "x", "/imports/" + id, "/import/" + id + "/nothing",
				"//" + id, "/import/" + strings.Replace(id, "-", "%2d", 1), "/x?id=" + id,
				withID("/import/{id}"), withID("/import/{id}/complete"),
			}
			before := len(log)
			for _, path := range unknown {
				for _, method := range []string{"GET", "POST", "DELETE"} {
					if status, answer := call(method, path, ""); status < 400 {
						t.Errorf("%s %s: got %d %s, want a refusal", method, path, status, answer)
					}
				}
			}
			for line := range strings.Lines(s.log.String()[before:]) {
				var logged struct{ Path, Import string }
				if err := json.Unmarshal([]byte(line), &logged); err != nil {
					t.Fatal(err)
				}
				if found := wholeID.FindString(logged.Path + " " + logged.Import); found != "" {
					t.Errorf("the line of a refused request holds %s: %s", found, line)
				}
			}
		})
	}
}

// pageFile finds the files that the page and its modules load.
var pageFile = regexp.MustCompile(`"((?:\.{1,2}/|page/)[a-z/-]+\.(?:js|css|svg))"`)

var wholeID = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)
