package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/httpapi"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/logtest"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
	"github.com/signpost-s3/signpost/internal/web"
	"github.com/signpost-s3/signpost/openapi"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// service is the real API on a real bucket, with a typed client.
type service struct {
	*client.ClientWithResponses
	url   string
	store storetest.Target
	log   *logtest.Buffer
	// imports is the domain service behind the API; transport sends requests to the API.
	imports   *imports.Service
	transport http.RoundTripper
}

// settings are what tests may change. Zero values are the defaults of production.
type settings struct {
	limits         imports.Limits
	completionWait time.Duration
	downloads      bool
	remoteClient   bool // the client is not on loopback
	now            func() time.Time
	aws            *aws.Config
	corsOrigins    []string
	local          bool
	memory         *storetest.Memory      // replaces the store; the client calls the handler without a network
	options        func(*httpapi.Options) // further changes
}

func start(t testing.TB, s settings) *service {
	t.Helper()
	var target storetest.Target
	if s.memory != nil {
		target = storetest.Target{AWS: s.memory.AWS(s.memory), Bucket: storetest.MemoryBucket, PathStyle: true}
	} else {
		target = storetest.Open(t)
	}
	if s.aws == nil {
		s.aws = &target.AWS
	}
	if s.limits.URLTTL == 0 {
		s.limits.URLTTL = time.Hour
	}
	if s.limits.JobTTL == 0 {
		s.limits.JobTTL = 24 * time.Hour
	}
	if s.now == nil {
		s.now = time.Now
	}
	store, err := bucket.Open(t.Context(), bucket.Options{Name: target.Bucket, AWS: *s.aws, PathStyle: target.PathStyle})
	if err != nil {
		t.Fatal(err)
	}
	log := &logtest.Buffer{}
	options := httpapi.Options{
		Service: &imports.Service{
			Bucket:           store,
			Limits:           s.limits,
			Downloads:        s.downloads,
			AnonymousListing: !s.remoteClient,
			Waiters:          imports.NewWaiters(10_000),
			Now:              s.now,
			CompletionWait:   s.completionWait,
		},
		Ready:             store.Check,
		CORSOrigins:       s.corsOrigins,
		LocalOnly:         s.local,
		RegisterDocuments: func(e *echo.Echo) { web.RegisterReference(e, web.Reference{Keys: true}) },
		Log:               slog.New(slog.NewJSONHandler(log, nil)),
	}
	if s.options != nil {
		s.options(&options)
	}
	handler := httpapi.New(options)
	url, transport := "http://localhost", http.RoundTripper(handlerTransport{handler})
	if s.memory == nil {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		url, transport = server.URL, http.DefaultTransport
	}
	t.Cleanup(func() {
		if leaked := secret.FindString(log.String()); leaked != "" {
			t.Errorf("%s in the log:\n%s", leaked, log)
		}
	})
	api, err := client.NewClientWithResponses(url, client.WithHTTPClient(contractDoer{router(t), transport}))
	if err != nil {
		t.Fatal(err)
	}
	return &service{api, url, target, log, options.Service, transport}
}

// inFakeTime runs a test of a service whose store is in memory, within testing/synctest.
func inFakeTime(t *testing.T, s settings, test func(*testing.T, *service)) {
	synctest.Test(t, func(t *testing.T) {
		if s.memory == nil {
			s.memory = &storetest.Memory{}
		}
		test(t, start(t, s))
	})
}

// create creates a tracked import, which must succeed.
func (s *service) create(t testing.TB, body client.ImportRequest) client.Import {
	t.Helper()
	r, err := s.CreateImportWithResponse(t.Context(), nil, body)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	if r.JSON201 == nil {
		t.Fatalf("create: got %s %s, want a job", r.Status(), r.Body)
	}
	return *r.JSON201
}

// read reads an import, which must succeed.
func (s *service) read(t testing.TB, id string) client.Import {
	t.Helper()
	r, err := s.GetImportWithResponse(t.Context(), id, nil)
	if err != nil {
		t.Fatalf("read %s: %v", id, err)
	}
	if r.JSON200 == nil {
		t.Fatalf("read %s: got %s %s, want a job", id, r.Status(), r.Body)
	}
	return *r.JSON200
}

// post sends a raw body to /import.
func (s *service) post(t testing.TB, contentType, body string) (int, http.Header, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/import", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	return do(t, request)
}

func do(t testing.TB, request *http.Request) (int, http.Header, string) {
	t.Helper()
	return doBy(t, http.DefaultTransport, request)
}

func doBy(t testing.TB, transport http.RoundTripper, request *http.Request) (int, http.Header, string) {
	t.Helper()
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", request.Method, request.URL.Path, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if leaked := secret.Find(body); response.Header.Get("Content-Type") == "application/problem+json" && leaked != nil {
		t.Errorf("%s %s: %s in the answer %s", request.Method, request.URL.Path, leaked, body)
	}
	return response.StatusCode, response.Header, string(body)
}

// secret matches what logs and problem documents must not contain: a signature, an API key, a token.
var secret = regexp.MustCompile(`(?i)x-amz-signature|signpost_[\w-]{43}|eyJ[\w-]+\.eyJ`)

// send uploads body with net/http, and returns the status and the store's error code.
func send(t testing.TB, u client.UploadRequest, body []byte) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), string(u.Method), u.URL, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range u.Headers {
		request.Header.Set(name, value)
	}
	status, _, answer := do(t, request)
	return status, storeCode(answer)
}

// storeCode returns the <Code> of an S3 error.
func storeCode(answer string) string {
	_, rest, _ := strings.Cut(answer, "<Code>")
	code, _, _ := strings.Cut(rest, "</Code>")
	return code
}

// stored returns the object at key from the store, or nil.
func (s *service) stored(t testing.TB, key string) *s3.GetObjectOutput {
	t.Helper()
	out, err := s.s3().GetObject(t.Context(), &s3.GetObjectInput{Bucket: &s.store.Bucket, Key: &key})
	if err != nil {
		if strings.Contains(err.Error(), "NoSuchKey") {
			return nil
		}
		t.Fatalf("get %s: %v", key, err)
	}
	t.Cleanup(func() { out.Body.Close() })
	return out
}

func (s *service) s3() *s3.Client {
	return s3.NewFromConfig(s.store.AWS, func(o *s3.Options) { o.UsePathStyle = s.store.PathStyle })
}

// contractDoer sends requests and validates every response against the OpenAPI document.
type contractDoer struct {
	routes    routers.Router
	transport http.RoundTripper
}

// handlerTransport calls a handler without a network, so that tests may use it within testing/synctest.
type handlerTransport struct{ handler http.Handler }

func (h handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w.Result(), r.Context().Err()
}

func router(t testing.TB) routers.Router {
	t.Helper()
	doc, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	r, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (d contractDoer) Do(request *http.Request) (*http.Response, error) {
	path := *request.URL
	path.Scheme, path.Host = "", ""
	onContract := request.Clone(request.Context())
	onContract.URL = &path
	route, params, err := d.routes.FindRoute(onContract)
	if err != nil {
		return nil, err
	}
	response, err := d.transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	if leaked := secret.Find(body); response.StatusCode >= 400 && leaked != nil {
		err = errors.Join(err, fmt.Errorf("%s in the answer %s", leaked, body))
	}
	return response, errors.Join(
		err,
		openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
			RequestValidationInput: &openapi3filter.RequestValidationInput{Request: request, PathParams: params, Route: route},
			Status:                 response.StatusCode,
			Header:                 response.Header,
			Body:                   io.NopCloser(bytes.NewReader(body)),
			Options:                &openapi3filter.Options{IncludeResponseStatus: true},
		}),
	)
}

// uploads counts the multipart uploads in progress at key.
func (s *service) uploads(t testing.TB, key string) int {
	t.Helper()
	out, err := s.s3().
		ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &s.store.Bucket, Prefix: &key})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.Uploads)
}
