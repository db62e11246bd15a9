package main_test

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/testing/lambdatest"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// TestBare checks an untracked import through a REST API: no body, one member, a URL that accepts a file.
func TestBare(t *testing.T) {
	f := start(t)
	a := speak(t, gateway(t, contract, f.Invoke), "value-of-a")
	for _, path := range []string{"/import", "/import/"} {
		status, header, answer := a.call(t, "POST", path, "")
		if status != http.StatusOK || header.Get("Content-Type") != "application/json" {
			t.Fatalf("POST %s: got %d %s %s, want 200 application/json", path, status, header.Get("Content-Type"), answer)
		}
		signed := bareURL(t, answer)
		content := []byte("sent to what " + path + " answered")
		put(t, signed, nil, content)
		key := f.keyOf(t, signed)
		if !strings.HasPrefix(key, "imports/key-a1b2c3d4e5/") {
			t.Errorf("POST %s: got key %s, want one of API key a1b2c3d4e5", path, key)
		}
		f.holds(t, key, content)
	}
}

// TestTracked declares a file and uploads it with the returned headers. No further call is needed.
func TestTracked(t *testing.T) {
	f := start(t)
	a := speak(t, gateway(t, contract, f.Invoke), "value-of-a")
	content := []byte("a,b\n1,2\n")
	job := a.create(t, client.ImportRequest{
		Filename: "Ζωή.csv", ContentType: "text/csv", Size: ptr(int64(len(content))),
		Metadata: map[string]string{"source": "test"},
	})
	if read := a.read(t, job.ID); read.Status != client.ImportStatusAwaitingUpload || read.Filename != "Ζωή.csv" {
		t.Errorf("read: got %+v, want it awaited, under its name", read)
	}
	put(t, job.Upload.URL, job.Upload.Headers, content)
	if read := a.read(t, job.ID); read.Status != client.ImportStatusCompleted || *read.Size != int64(len(content)) {
		t.Errorf("read: got %+v, want it completed", read)
	}
	f.holds(t, job.Object.Key, content)
}

// TestLongPolling checks that a request with wait is held until the import changes, and is answered at once if the
// operator disabled that.
func TestLongPolling(t *testing.T) {
	for held, env := range map[bool]string{true: "SIGNPOST_LONG_POLLING=true", false: "SIGNPOST_LONG_POLLING=false"} {
		t.Run(env, func(t *testing.T) {
			a := speak(t, gateway(t, contract, start(t, env).Invoke), "value-of-a")
			job := a.create(t, client.ImportRequest{})
			read, err := a.GetImportWithResponse(t.Context(), job.ID, nil)
			if err != nil || read.JSON200 == nil {
				t.Fatalf("read: got %v, %v", read, err)
			}
			tag, began := read.HTTPResponse.Header.Get("ETag"), time.Now()
			params := client.GetImportParams{Wait: ptr[int32](25), IfNoneMatch: &tag}
			if held {
				params.Wait = ptr[int32](2)
			}
			again, err := a.GetImportWithResponse(t.Context(), job.ID, &params)
			took := time.Since(began)
			if err != nil || again.StatusCode() != http.StatusNotModified ||
				(took >= time.Duration(*params.Wait)*time.Second) != held {
				t.Errorf("read with wait=%d: got %v, %v after %s, want 304, held: %t", *params.Wait, again, err, took, held)
			}
		})
	}
}

// TestParts uploads a file in parts, and aborts another upload.
func TestParts(t *testing.T) {
	f := start(t)
	a := speak(t, gateway(t, contract, f.Invoke), "value-of-a")
	content := make([]byte, 5*mib+3)
	rand.Read(content)
	job := a.create(t, client.ImportRequest{
		Mode: client.ImportRequestModeMultipart, PartSize: 5 * mib, Size: ptr(int64(len(content))),
	})
	for _, part := range a.sign(t, job.ID, 2) {
		put(t, part.URL, part.Headers, content[part.Offset:part.Offset+*part.Size])
	}
	list, err := a.ListPartsWithResponse(t.Context(), job.ID, &client.ListPartsParams{After: ptr[int32](1)})
	if err != nil {
		t.Fatal(err)
	}
	if list.JSON200 == nil || len(list.JSON200.Parts) != 1 || list.JSON200.Parts[0].Size != 3 {
		t.Errorf("parts after 1: got %s %s, want part 2 alone", list.Status(), list.Body)
	}
	done, err := a.CompleteImportWithBodyWithResponse(t.Context(), job.ID, "", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if done.JSON200 == nil || done.JSON200.Status != client.ImportStatusCompleted {
		t.Fatalf("complete: got %s %s, want completed", done.Status(), done.Body)
	}
	f.holds(t, job.Object.Key, content)

	other := a.create(t, client.ImportRequest{Mode: client.ImportRequestModeMultipart})
	gone, err := a.DeleteImportWithResponse(t.Context(), other.ID)
	if err != nil {
		t.Fatal(err)
	}
	if gone.StatusCode() != http.StatusNoContent || len(gone.Body) != 0 {
		t.Fatalf("delete: got %s %q, want 204", gone.Status(), gone.Body)
	}
	if read := a.read(t, other.ID); read.Status != client.ImportStatusAborted {
		t.Errorf("read: got %s, want aborted", read.Status)
	}
}

var (
	// sessionToken is as long as those of functions, about 1,100 bytes. AWS does not document their length.
	sessionToken = strings.Repeat("IQoJb3JpZ2luX2VjE+/=", 55)
	// longEndpoint has the longest host name.
	longEndpoint = "https://" + strings.Repeat("b", 63) + ".s3.ap-southeast-1.amazonaws.com"
)

// TestThousandParts checks that the largest response of a call fits into Lambda's limit: with the longest host name,
// a signed checksum and a role's session token in every URL.
func TestThousandParts(t *testing.T) {
	const partSize = 16 * mib
	f := start(t, "AWS_SESSION_TOKEN="+sessionToken, "AWS_ENDPOINT_URL_S3="+withSessions(t),
		"SIGNPOST_PUBLIC_ENDPOINT="+longEndpoint)
	a := speak(t, gateway(t, contract, f.Invoke), "value-of-a")
	checksums := map[string]string{}
	for n := range 1000 {
		checksums[strconv.Itoa(n+1)] = "AAAAAAAAAAA="
	}
	for name, c := range map[string]struct {
		checksum *client.Checksum
		parts    client.PartsRequest
	}{
		"bare": {nil, client.PartsRequest{First: 1, Count: 1000}},
		"with checksums": {&client.Checksum{Algorithm: "crc64nvme"}, client.PartsRequest{
			First: 1, Count: 1000, Checksums: checksums,
		}},
	} {
		job := a.create(
			t, client.ImportRequest{Size: ptr[int64](1000 * partSize), PartSize: partSize, Checksum: c.checksum},
		)
		signed, err := a.SignPartsWithResponse(t.Context(), job.ID, c.parts)
		if err != nil {
			t.Fatal(err)
		}
		if signed.JSON200 == nil || len(signed.JSON200.Parts) != 1000 {
			t.Errorf("%s: got %s %.300s, want 1,000 signed parts", name, signed.Status(), signed.Body)
			continue
		}
		for i, part := range signed.JSON200.Parts {
			if part.PartNumber != int32(i+1) || !strings.Contains(part.URL, "X-Amz-Security-Token=IQoJb3JpZ2luX2VjE%2B%2F%3D") {
				t.Fatalf("%s: part %d: got %d %s, want it signed with the token", name, i+1, part.PartNumber, part.URL)
			}
		}
	}
}

// withSessions returns the address of a proxy that accepts any session token: it signs requests again for the local
// store, which accepts none.
func withSessions(t *testing.T) string {
	t.Helper()
	store := storetest.Open(t).AWS
	target, err := url.Parse(aws.ToString(store.BaseEndpoint))
	if err != nil || target.Host == "" {
		t.Skipf("the store has tokens of its own (%v)", err)
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }) // as for S3
	return serve(t, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Header.Del("X-Amz-Security-Token")
		c, err := store.Credentials.Retrieve(r.In.Context())
		if err == nil {
			err = signer.SignHTTP(
				r.In.Context(), c, r.Out, r.In.Header.Get("X-Amz-Content-Sha256"), "s3", store.Region, time.Now())
		}
		if err != nil {
			t.Error(err)
		}
	}})
}

// TestOwners checks that an API key owns what it creates, and has no access to other imports.
func TestOwners(t *testing.T) {
	f := start(t)
	base := gateway(t, contract, f.Invoke)
	a, b := speak(t, base, "value-of-a"), speak(t, base, "value-of-b")
	ids := map[*api]string{a: a.create(t, client.ImportRequest{}).ID, b: b.create(t, client.ImportRequest{}).ID}
	for self, other := range map[*api]*api{a: b, b: a} {
		page, err := self.ListImportsWithResponse(t.Context(), &client.ListImportsParams{Limit: ptr[int32](100)})
		if err != nil {
			t.Fatal(err)
		}
		if page.JSON200 == nil {
			t.Fatalf("list with %s: got %s %s, want a page", self.key, page.Status(), page.Body)
		}
		listed := func(id string) bool {
			return slices.ContainsFunc(page.JSON200.Imports, func(j client.Import) bool { return j.ID == id })
		}
		if !listed(ids[self]) || listed(ids[other]) {
			t.Errorf("list with %s: got %s, want %s and not %s", self.key, page.Body, ids[self], ids[other])
		}
		foreign := "/import/" + ids[other]
		for _, c := range [][3]string{
			{"GET", foreign, ""}, {"DELETE", foreign, ""}, {"GET", foreign + "/parts", ""},
			{"POST", foreign + "/parts", `{"first":1,"count":1}`}, {"POST", foreign + "/complete", ""},
		} {
			if status, _, answer := self.call(t, c[0], c[1], c[2], asJSON...); status != 404 ||
				!strings.Contains(answer, "import-not-found") {
				t.Errorf("%s %s with %s: got %d %s, want 404", c[0], c[1], self.key, status, answer)
			}
		}
	}
	if read := b.read(t, ids[b]); read.Status != client.ImportStatusAwaitingUpload {
		t.Errorf("read after another's calls: got %s, want it untouched", read.Status)
	}
	for _, key := range []string{"", "value-of-c"} {
		if status, _, answer := speak(t, base, key).call(t, "POST", "/import", ""); status != 403 ||
			!strings.Contains(answer, `"code": "access-denied"`) {
			t.Errorf("with key %q: got %d %s, want the gateway's 403", key, status, answer)
		}
	}
}

// TestRefusals checks that errors of the service arrive as problem documents with the request id, and that requests
// rejected by the gateway or Lambda do not reach it.
func TestRefusals(t *testing.T) {
	a := speak(t, gateway(t, contract, start(t).Invoke), "value-of-a")
	const absent = "/import/0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55"
	keyTwice := append([]string{"Idempotency-Key", "a", "Idempotency-Key", "b"}, asJSON...)
	gzip := append([]string{"Content-Encoding", "gzip"}, asJSON...)
	for _, c := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		says                     string
		byGateway                bool
	}{
		{"no JSON", "POST", "/import", "{", asJSON, 400, `"code":"invalid-json"`, false},
		{"no such member", "POST", "/import", `{"sise":1}`, asJSON, 400, `"pointer":"/sise"`, false},
		{"no number", "GET", "/import?limit=x", "", nil, 400, `"parameter":"limit"`, false},
		{"a parameter twice", "GET", "/import?limit=1&limit=2", "", nil, 400, "must appear only once", false},
		{"a header twice", "POST", "/import", "{}", keyTwice, 400, "must appear only once", false},
		{"a state that is none", "GET", "/import?status=completed%26limit%3Dx", "", nil, 400, `"parameter":"status"`, false},
		{"no such import", "GET", absent, "", nil, 404, `"code":"import-not-found"`, false},
		{"no id", "GET", "/import/%2e%2e", "", nil, 404, `"code":"import-not-found"`, false},
		{"no media type", "POST", "/import", "{}", nil, 415, `"code":"unsupported-media-type"`, false},
		{
			"another media type", "POST", "/import", "{}", []string{"Content-Type", "text/json"}, 415,
			`"code":"unsupported-media-type"`, false,
		},
		{"compressed", "POST", "/import", "{}", gzip, 415, `"code":"unsupported-content-encoding"`, false},
		{
			"more than the service reads", "POST", "/import", strings.Repeat(" ", 128<<10+1), asJSON, 413,
			`"code":"body-too-large"`, false,
		},
		{
			"more than Lambda takes", "POST", "/import", strings.Repeat(" ", 7*mib), asJSON, 413,
			`"code": "body-too-large"`, true,
		},
		{
			"more than the gateway reads", "POST", "/import", strings.Repeat(" ", 11*mib), asJSON, 413,
			"exceeded 10485760 bytes", true,
		},
		{"another method", "PATCH", "/import", "", nil, 403, `"code": "access-denied"`, true},
		{"another path", "POST", "/imports", "", nil, 403, `"code": "access-denied"`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, header, answer := a.call(t, c.method, c.path, c.body, c.header...)
			if status != c.status || !strings.Contains(answer, c.says) {
				t.Fatalf("got %d %s, want %d with %s", status, answer, c.status, c.says)
			}
			if !c.byGateway {
				isProblem(t, status, header, answer)
			} else if header.Get("X-Request-Id") != "" {
				t.Errorf("got %v %s, want no answer of the service", header, answer)
			} else if header.Get("Content-Type") != "text/plain; charset=utf-8" { // not even API Gateway read the body
				isProblemOf(t, status, header, answer)
			}
		})
	}
}

// TestBinary checks that base64 bodies of an API with binary media types arrive unchanged.
func TestBinary(t *testing.T) {
	document := append(slices.Clone(contract), "\nx-amazon-apigateway-binary-media-types: ['*/*']\n"...)
	a := speak(t, gateway(t, document, start(t).Invoke), "value-of-a")
	job := a.create(t, client.ImportRequest{Filename: "Ζωή.csv"})
	if read := a.read(t, job.ID); read.Filename != "Ζωή.csv" {
		t.Errorf("got file name %q, want it as sent", read.Filename)
	}
	for name, body := range map[string]string{
		"no UTF-8 in a string": "{\"filename\":\"\xff\xfe\"}",
		"no text":              "\x00\x01\x02",
		"gzip":                 "\x1f\x8b\x08\x00",
	} {
		status, header, answer := a.call(t, "POST", "/import", body, asJSON...)
		if status != 400 || !strings.Contains(answer, `"code":"invalid-json"`) {
			t.Errorf("%s: got %d %s, want 400 invalid-json", name, status, answer)
			continue
		}
		isProblem(t, status, header, answer)
	}
}

// TestNoProxyEvent checks that other payloads are errors, and never return a URL.
func TestNoProxyEvent(t *testing.T) {
	f := start(t, "SIGNPOST_ALLOW_ANONYMOUS=true")
	for _, event := range []string{
		"", "{}", "null", "[]", `"x"`, "1", "true", `{"upload_url":1}`, `{"filename":"a.csv"}`,
		`{"httpMethod":"POST"}`, `{"httpMethod":"POST","path":"/import"}`, `{"requestContext":null}`,
		`{"httpMethod":"POST","path":"/import","headers":{},"body":null,"requestContext":"x"}`,
		`{"version":"2.0","rawPath":"/import"}`,
		`{"version":"0","source":"aws.ec2","detail-type":"EC2 Instance State-change Notification","detail":{}}`,
		`{"Records":[{"eventSource":"aws:s3","s3":{"object":{"key":"x"}}}]}`,
		`{"requestContext":{"routeKey":"$connect","eventType":"CONNECT","connectionId":"x","apiId":"y"},` +
			`"isBase64Encoded":false}`,
	} {
		answer, err := invoke(t, f.Invoke, event)
		if err == nil || strings.Contains(answer, "X-Amz") {
			t.Errorf("event %s: got %.300s, want an error", event, answer)
			continue
		}
		if e, ok := err.(*lambdatest.Error); !ok || !strings.Contains(e.Message, "SIGNPOST_LAMBDA_EVENTS=direct") {
			t.Errorf("event %s: got %v, want an error that says what to do", event, err)
		}
	}
	if err := f.Ready(t.Context()); err != nil {
		t.Errorf("after all these: %v, want the same process to go on", err)
	}
}

// TestFailuresAreLoggedAsJSON checks that each refused event fails the invocation and adds one JSON line at level
// ERROR to the log.
func TestFailuresAreLoggedAsJSON(t *testing.T) {
	f := start(t, "SIGNPOST_ALLOW_ANONYMOUS=true")
	cases := []struct{ event, want string }{
		{
			`{"Records":[{"eventSource":"aws:dynamodb","eventName":"INSERT","dynamodb":{}}]}`,
			"/Records/0: eventSource must end",
		},
		{
			`{"Records":[{"eventSource":"aws:kinesis","eventName":"aws:kinesis:record","kinesis":{}}]}`,
			"/Records/0: eventSource must end",
		},
		{`{"version":"0","source":"aws.ec2","detail-type":"Other","detail":{}}`, "not a proxy event"},
		{`{}`, "not a proxy event"},
	}
	for _, c := range cases {
		if answer, err := invoke(t, f.Invoke, c.event); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("event %s: got %s, %v, want an error with %q", c.event, answer, err, c.want)
		}
	}
	if err := f.Stop(); err != nil { // completes the log
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(f.Log()), "\n")
	if len(lines) != len(cases) {
		t.Fatalf("log: got %d lines, want %d:\n%s", len(lines), len(cases), f.Log())
	}
	for i, line := range lines {
		wantJSONFailure(t, line, "invocation failed", cases[i].want)
	}
}

// wantJSONFailure checks that log is one JSON line at level ERROR with this message and an error that contains text.
func wantJSONFailure(t *testing.T, log, message, text string) {
	t.Helper()
	var line struct{ Time, Level, Msg, Error string }
	if err := json.Unmarshal([]byte(log), &line); err != nil || line.Time == "" || line.Level != "ERROR" ||
		line.Msg != message ||
		!strings.Contains(line.Error, text) {
		t.Errorf("log: got %q (%v), want one JSON line at level ERROR with msg %q and error %q", log, err, message, text)
	}
}

// TestBadStart checks that a function with invalid settings does not start, and returns the reason to its callers.
func TestBadStart(t *testing.T) {
	for _, c := range []struct {
		env   []string
		names []string
	}{
		{nil, []string{"SIGNPOST_BUCKET"}},
		{
			[]string{"SIGNPOST_BUCKET=b", "SIGNPOST_LAMBDA_EVENTS=both"},
			[]string{`SIGNPOST_LAMBDA_EVENTS="both"`, "proxy or direct"},
		},
		{[]string{"SIGNPOST_BUCKET=b", "SIGNPOST_URL_TTL=1 day"}, []string{`SIGNPOST_URL_TTL="1 day"`}},
		{
			[]string{"SIGNPOST_URL_TTL=0s", "SIGNPOST_MAX_SIZE=-1"},
			[]string{"SIGNPOST_BUCKET", "SIGNPOST_URL_TTL", "SIGNPOST_MAX_SIZE"},
		},
		{[]string{"SIGNPOST_BUCKET=b", "AWS_ACCESS_KEY_ID="}, []string{"AWS_ACCESS_KEY_ID"}},
		{[]string{"SIGNPOST_BUCKET=b", "AWS_ENDPOINT_URL_S3=::"}, []string{"AWS_ENDPOINT_URL_S3"}},
	} {
		f := launch(t, c.env...)
		if err := f.Ready(t.Context()); err == nil {
			t.Errorf("with %q: got a start, want none", c.env)
			continue
		}
		_, err := invoke(t, f.Invoke, "{}")
		for _, name := range c.names {
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("with %q: got %v, want it to name %s", c.env, err, name)
			}
			wantJSONFailure(t, f.Log(), "start failed", name)
		}
		if e, ok := err.(*lambdatest.Error); ok && e.Type == lambdatest.Exited {
			t.Errorf("with %q: got %v, want the error sent to runtime/init/error", c.env, err)
		}
	}
}
