package httpapi_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/httpapi"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/web"
)

// fuzzedAPI sends requests to the whole API on an in-memory store, and checks what every response must fulfill.
type fuzzedAPI struct {
	handler http.Handler
	service *imports.Service
	store   *fuzzStore
	log     bytes.Buffer
	routes  routers.Router
	secrets []string // must not occur in responses or logs
}

// secretKey is the secret access key that signs.
const secretKey = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"

// here is the package's folder, with the committed inputs. The local store of earlier tests changes the working
// directory.
var here, _ = os.Getwd()

func newFuzzedAPI(f *testing.F, authenticate auth.Authenticator) *fuzzedAPI {
	f.Chdir(here)
	a := &fuzzedAPI{
		service: &imports.Service{
			Limits:           imports.Limits{URLTTL: time.Hour, JobTTL: 24 * time.Hour, OpenUploads: 100},
			Downloads:        true,
			AnonymousListing: true,
			Now:              time.Now,
			CompletionWait:   time.Second,
		},
		store: &fuzzStore{}, routes: router(f), secrets: []string{secretKey},
	}
	_, proxies, err := net.ParseCIDR("192.0.2.0/24")
	if err != nil {
		f.Fatal(err)
	}
	a.handler = httpapi.New(httpapi.Options{
		Service:           a.service,
		Ready:             func(ctx context.Context) error { return a.service.Bucket.Check(ctx) },
		Authenticate:      authenticate,
		TrustedProxies:    []*net.IPNet{proxies},
		CORSOrigins:       []string{"https://app.example.com"},
		TLS:               true,
		RegisterDocuments: func(e *echo.Echo) { web.RegisterReference(e, web.Reference{Keys: true}) },
		Log:               slog.New(slog.NewJSONHandler(&a.log, nil)),
	})
	return a
}

// with resets the store to these objects, and the service's knowledge of it.
func (a *fuzzedAPI) with(t testing.TB, objects map[string]string) {
	t.Helper()
	*a.store = fuzzStore{objects: map[string][]byte{}, parts: map[string][]int{}}
	for key, content := range objects {
		a.store.objects[key] = []byte(content)
	}
	settings := aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String("http://store.test"), HTTPClient: a.store,
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", secretKey, ""),
	}
	var err error
	if a.service.Bucket, err = bucket.Open(t.Context(), bucket.Options{
		Name: fuzzBucket, AWS: settings, PathStyle: true,
	}); err != nil {
		t.Fatal(err)
	}
}

// withFakeClock calls f with a fake clock, and returns when all goroutines that f started have ended.
func withFakeClock(t *testing.T, f func(t *testing.T)) { t.Helper(); synctest.Test(t, f) }

// requestFor returns a request as net/http reads it or, with headers that net/http rejects, as package lambdaevent
// does.
func requestFor(method string, at *url.URL, header http.Header, body string) *http.Request {
	return &http.Request{
		Method: method, URL: at, RequestURI: at.RequestURI(), Header: header, Host: "api.example.com",
		RemoteAddr: "192.0.2.1:1234",
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)),
	}
}

// calledBy returns r as a gateway sends it that authenticated the caller.
func calledBy(owner string, r *http.Request) *http.Request {
	return r.WithContext(auth.WithCaller(r.Context(), auth.Caller{Owner: owner, Scope: auth.All}))
}

// address parses target as net/http does or, if that rejects it, as package lambdaevent does.
func address(target string) *url.URL {
	if u, err := url.ParseRequestURI(target); err == nil {
		return u
	}
	path, query, _ := strings.Cut(target, "?")
	return &url.URL{Path: path, RawQuery: query}
}

var (
	codeForm  = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	signature = regexp.MustCompile(`(?i)X-Amz-Signature=[0-9a-f]{64}`)
)

// ask sends r. It checks that there is no panic, that an error is a complete problem document, that no secret is
// shown, and that the log has one valid line.
func (a *fuzzedAPI) ask(t *testing.T, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	a.log.Reset()
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	time.Sleep(time.Hour) // lets background work finish
	synctest.Wait()
	what := fmt.Sprintf("%s %q: %d %s", r.Method, r.URL.RequestURI(), w.Code, w.Body)
	for name, values := range w.Header() {
		if strings.ContainsFunc(name+strings.Join(values, ""), func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%s\nhas header %q: %q", what, name, values)
		}
	}
	if w.Code >= 400 && r.Method != http.MethodHead {
		checkProblem(t, what, w)
	}
	shown := w.Body.String() + a.log.String()
	if slices.ContainsFunc(a.secrets, func(secret string) bool { return strings.Contains(shown, secret) }) ||
		w.Code >= 400 && signature.MatchString(shown) {
		t.Errorf("%s\nshows a secret; log %s", what, &a.log)
	}
	a.checkLog(t, what, w)
	return w
}

// checkProblem checks w against RFC 9457 and the OpenAPI document.
func checkProblem(t *testing.T, what string, w *httptest.ResponseRecorder) {
	t.Helper()
	var members map[string]jsontext.Value
	var p client.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &members); err != nil { // rejects invalid UTF-8 and duplicate members
		t.Errorf("%s\nis no JSON: %v", what, err)
		return
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Errorf("%s\nis no problem: %v", what, err)
	}
	for _, name := range []string{"type", "title", "status", "detail", "instance", "code", "request_id"} {
		if members[name] == nil {
			t.Errorf("%s\nlacks %s", what, name)
		}
	}
	h := w.Header()
	if int(p.Status) != w.Code || p.Title != http.StatusText(w.Code) || p.Type != "about:blank" || p.Detail == "" ||
		!codeForm.MatchString(p.Code) {
		t.Errorf("%s\nis not as a problem should be", what)
	}
	if p.RequestID == "" || p.RequestID != h.Get("X-Request-Id") || h.Get("Content-Type") != "application/problem+json" ||
		h.Get("Cache-Control") != "no-store" {
		t.Errorf("%s\nhas header %v", what, h)
	}
	if w.Code == http.StatusServiceUnavailable && h.Get("Retry-After") == "" {
		t.Errorf("%s\ndoes not say when to try again", what)
	}
}

// checkLog checks that the log has exactly one line, which cannot be taken for another.
func (a *fuzzedAPI) checkLog(t *testing.T, what string, w *httptest.ResponseRecorder) {
	t.Helper()
	var line struct {
		Status    int    `json:"status"`
		RequestID string `json:"request_id"`
		Error     string `json:"error"`
	}
	text, ended := strings.CutSuffix(a.log.String(), "\n")
	if err := json.Unmarshal([]byte(text), &line); err != nil || !ended || strings.ContainsAny(text, "\r\n") {
		t.Errorf("%s\nlog: got %q, %v, want one line of JSON", what, text, err)
	}
	if line.Status != w.Code || line.RequestID != w.Header().Get("X-Request-Id") || line.RequestID == "" {
		t.Errorf("%s\nlog: got %s, want it to be of this answer", what, text)
	}
	if strings.HasPrefix(line.Error, "panic") {
		t.Errorf("%s\npanic: %s", what, line.Error)
	}
}

// checkDeclared checks that the OpenAPI document declares the response w to r.
func (a *fuzzedAPI) checkDeclared(t *testing.T, r *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	route, params, err := a.routes.FindRoute(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	if err := openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 w.Code,
		Header:                 w.Header(),
		Body:                   io.NopCloser(bytes.NewReader(w.Body.Bytes())),
		Options:                &openapi3filter.Options{IncludeResponseStatus: true},
	}); err != nil {
		t.Errorf("%s %s: %d %s\nis not in the contract: %v", r.Method, r.URL, w.Code, w.Body, err)
	}
}

// checkKeys checks that all store calls, and every signed URL in w, are below the caller's own prefixes.
func (a *fuzzedAPI) checkKeys(t *testing.T, owner string, w *httptest.ResponseRecorder) {
	t.Helper()
	own := regexp.MustCompile( // a list of objects begins at the time of one
		`^(imports/` + owner + `/([0-9a-f]{8}-[0-9a-f]{4}|[0-9a-f-]{36})?|jobs/` + owner +
			`/([0-9a-f]{12}-[0-9a-f-]{36}\.json)?|idem/` + owner + `/[0-9a-f]{64})$`,
	)
	for _, key := range a.store.keys {
		if !own.MatchString(key) {
			t.Errorf("%d %s\ncame of asking for %q, which is not %s's", w.Code, w.Body, key, owner)
		}
	}
	for _, signed := range regexp.MustCompile(`http://store\.test[^?"]*\?`).FindAllString(w.Body.String(), -1) {
		if key := strings.Trim(strings.TrimPrefix(signed, "http://store.test/"+fuzzBucket+"/"), "?"); !own.MatchString(key) {
			t.Errorf("%d %s\nsigns for %q, which is not %s's", w.Code, w.Body, key, owner)
		}
	}
}
