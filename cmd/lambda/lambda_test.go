package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/testing/lambdatest"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
	"github.com/signpost-s3/signpost/openapi"
)

// The tests in this folder run the binary that is uploaded to Lambda: with a Runtime API, behind integrations that
// follow AWS's documentation, on a real bucket.

// limit is the timeout of all waits. They normally take milliseconds, but a machine may be busy.
const limit = 30 * time.Second

const (
	mib = 1 << 20
)

// contract is the OpenAPI document.
var contract = openapi.YAML

// bootstrap is the binary. It is package state because TestMain and the tests share nothing else.
var bootstrap string

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run builds the binary as template.yaml requires it, before the local store changes the working directory.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "bootstrap-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bootstrap = filepath.Join(dir, "bootstrap")
	if err := build(bootstrap, "lambda.norpc"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return storetest.Run(m)
}

// build builds the function with these tags.
func build(path, tags string) error {
	command := exec.Command("go", "build", "-tags", tags, "-ldflags=-s -w", "-o", path, ".")
	command.Dir, command.Env = sourceFolder, append(os.Environ(), "CGO_ENABLED=0")
	if printed, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, printed)
	}
	return nil
}

// function is the running binary and its bucket.
type function struct {
	*lambdatest.Runtime
	store storetest.Target
}

// start starts the binary on the test bucket, with additional variables. At the end of the test, its log must not
// contain a signature.
func start(t testing.TB, env ...string) *function {
	t.Helper()
	store := storetest.Open(t)
	return &function{launch(t, environment(t, store, env...)...), store}
}

// environment returns the variables of a function that uses a bucket, and additional ones.
func environment(t testing.TB, store storetest.Target, env ...string) []string {
	t.Helper()
	c, err := store.AWS.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := []string{
		"SIGNPOST_BUCKET=" + store.Bucket, fmt.Sprintf("SIGNPOST_PATH_STYLE=%v", store.PathStyle),
		"AWS_REGION=" + store.AWS.Region,
		"AWS_ACCESS_KEY_ID=" + c.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + c.SecretAccessKey,
		"AWS_SESSION_TOKEN=" + c.SessionToken,
	}
	if store.AWS.BaseEndpoint != nil {
		all = append(all, "AWS_ENDPOINT_URL_S3="+*store.AWS.BaseEndpoint)
	}
	return append(all, env...)
}

// launch starts the binary with these variables and Lambda's own.
func launch(t testing.TB, env ...string) *lambdatest.Runtime {
	t.Helper()
	return launchBinary(t, bootstrap, env...)
}

func launchBinary(t testing.TB, path string, env ...string) *lambdatest.Runtime {
	t.Helper()
	r, err := lambdatest.Start(lambdatest.Options{Bootstrap: path, Env: env})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
		if strings.Contains(strings.ToLower(r.Log()), "x-amz-signature") {
			t.Errorf("a signed URL was logged:\n%s", r.Log())
		}
		if t.Failed() {
			t.Logf("the function's log:\n%s", r.Log())
		}
	})
	return r
}

// invoke calls f with an event, within limit.
func invoke(t testing.TB, f lambdatest.Invoke, event string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	answer, err := f(ctx, []byte(event))
	if errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("no answer within %v to %.300s", limit, event)
	}
	return string(answer), err
}

// keys are the usage plan's API keys by value.
var keys = map[string]string{"value-of-a": "a1b2c3d4e5", "value-of-b": "f6g7h8i9j0"}

// gateway returns a REST API imported from the OpenAPI document, with base URL /v1.
func gateway(t testing.TB, document []byte, f lambdatest.Invoke) string {
	t.Helper()
	g, err := lambdatest.NewGateway(document, lambdatest.Stage{
		Name:      "v1",
		Variables: map[string]string{"function": "signpost"},
		Functions: map[string]lambdatest.Invoke{"signpost": f, "urlsigner": f},
		Keys:      keys,
	})
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, g) + "/v1"
}

func serve(t testing.TB, h http.Handler) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// speak returns a typed client of an API, with a key unless that is empty.
func speak(t testing.TB, base, key string) *api {
	t.Helper()
	c, err := client.NewClientWithResponses(base, client.WithHTTPClient(&http.Client{Timeout: limit}),
		client.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			if key != "" {
				r.Header.Set("X-Api-Key", key)
			}
			return nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	return &api{c, base, key}
}

type api struct {
	*client.ClientWithResponses
	base, key string
}

// create creates a tracked import, which must succeed.
func (a *api) create(t testing.TB, body client.ImportRequest) client.Import {
	t.Helper()
	r, err := a.CreateImportWithResponse(t.Context(), nil, body)
	if err != nil {
		t.Fatal(err)
	}
	if r.JSON201 == nil {
		t.Fatalf("create: got %s %s, want a job", r.Status(), r.Body)
	}
	return *r.JSON201
}

// read reads an import, which must succeed.
func (a *api) read(t testing.TB, id string) client.Import {
	t.Helper()
	r, err := a.GetImportWithResponse(t.Context(), id, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.JSON200 == nil {
		t.Fatalf("read %s: got %s %s, want a job", id, r.Status(), r.Body)
	}
	return *r.JSON200
}

// sign signs parts, which must succeed.
func (a *api) sign(t testing.TB, id string, count int32) []client.SignedPart {
	t.Helper()
	r, err := a.SignPartsWithResponse(t.Context(), id, client.PartsRequest{First: 1, Count: count})
	if err != nil {
		t.Fatal(err)
	}
	if r.JSON200 == nil {
		t.Fatalf("sign parts: got %s %s, want signed parts", r.Status(), r.Body)
	}
	return r.JSON200.Parts
}

// asJSON is the header of a request with a JSON body.
var asJSON = []string{"Content-Type", "application/json"}

// call sends a raw request. Header is a list of names and values.
func (a *api) call(t testing.TB, method, path, body string, header ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, a.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if a.key != "" {
		r.Header.Set("X-Api-Key", a.key)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return do(t, r)
}

func do(t testing.TB, r *http.Request) (int, http.Header, string) {
	t.Helper()
	response, err := (&http.Client{Timeout: limit}).Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(body)
}

// put uploads content to a signed URL, which must succeed.
func put(t testing.TB, signed string, headers map[string]string, content []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "PUT", signed, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	if status, _, answer := do(t, r); status != http.StatusOK {
		t.Fatalf("PUT to the signed URL: got %d %s, want 200", status, answer)
	}
}

// keyOf returns the object's key in a signed path-style or host-style URL.
func (f *function) keyOf(t testing.TB, signed string) string {
	t.Helper()
	u, err := url.Parse(signed)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(strings.TrimPrefix(u.Path, "/"), f.store.Bucket+"/")
}

// holds checks that the bucket has content at key.
func (f *function) holds(t testing.TB, key string, content []byte) {
	t.Helper()
	out, err := s3.NewFromConfig(f.store.AWS, func(o *s3.Options) { o.UsePathStyle = f.store.PathStyle }).
		GetObject(t.Context(), &s3.GetObjectInput{Bucket: &f.store.Bucket, Key: &key})
	if err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	defer out.Body.Close()
	if got, err := io.ReadAll(out.Body); err != nil || !bytes.Equal(got, content) {
		t.Errorf("get %s: got %d bytes, %v, want the %d that were sent", key, len(got), err, len(content))
	}
}

// bare matches the response to a create without a body. Its first group is the URL.
var bare = regexp.MustCompile(`^\s*\{\s*"upload_url": ?"(http[^"]+X-Amz-Signature=[0-9a-f]{64}[^"]*)"\s*\}\s*$`)

// bareURL returns the URL of such a response.
func bareURL(t testing.TB, answer string) string {
	t.Helper()
	found := bare.FindStringSubmatch(answer)
	if found == nil {
		t.Fatalf("got %.600s, want upload_url and no more", answer)
	}
	return strings.ReplaceAll(found[1], `\u0026`, "&")
}

// isProblem checks that a response is a problem document of the service.
func isProblem(t testing.TB, status int, header http.Header, answer string) {
	t.Helper()
	if id := isProblemOf(t, status, header, answer).RequestID; id != header.Get("X-Request-Id") {
		t.Errorf("got request_id %q and X-Request-Id %q, want the same", id, header.Get("X-Request-Id"))
	}
}

// isProblemOf checks that a response is a problem document of the service or of API Gateway.
func isProblemOf(t testing.TB, status int, header http.Header, answer string) client.Problem {
	t.Helper()
	var p client.Problem
	if err := json.Unmarshal([]byte(answer), &p); err != nil {
		t.Fatalf("got %s, want a problem document: %v", answer, err)
	}
	if header.Get("Content-Type") != "application/problem+json" || int(p.Status) != status || p.Code == "" ||
		p.RequestID == "" {
		t.Errorf("got %s %s, want application/problem+json with status %d", header.Get("Content-Type"), answer, status)
	}
	return p
}

func ptr[T any](v T) *T { return &v }
