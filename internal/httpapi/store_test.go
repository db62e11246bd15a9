package httpapi_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// TestUploadDiffersFromDeclaration puts objects that no signed URL permits, and checks that the import reports the
// difference.
func TestUploadDiffersFromDeclaration(t *testing.T) {
	s := start(t, settings{})
	content := []byte("12345")
	for name, c := range map[string]struct {
		declared client.ImportRequest
		code     string
	}{
		"size": {client.ImportRequest{Size: new(int64(6))}, "size-mismatch"},
		"checksum": {
			client.ImportRequest{Checksum: checksum("crc64nvme", []byte("54321"))}, "checksum-mismatch",
		},
	} {
		t.Run(name, func(t *testing.T) {
			job := s.create(t, c.declared)
			in := &s3.PutObjectInput{
				Bucket:            &s.store.Bucket,
				Key:               &job.Object.Key,
				Body:              strings.NewReader(string(content)),
				ChecksumAlgorithm: "CRC64NVME",
			}
			if _, err := s.s3().PutObject(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			failed := s.read(t, job.ID)
			if failed.Status != client.ImportStatusFailed || failed.Error == nil || failed.Error.Code != c.code ||
				failed.UploadURL != "" {
				t.Errorf("read: got %+v, want failed with %s", failed, c.code)
			}
		})
	}
}

// TestUnverifiedChecksum stores an object with a checksum of another algorithm: the declared one is not verified, and
// not shown as that of the object.
func TestUnverifiedChecksum(t *testing.T) {
	s := start(t, settings{})
	declared := checksum("sha256", []byte("12345"))
	job := s.create(t, client.ImportRequest{Checksum: declared})
	in := &s3.PutObjectInput{
		Bucket:            &s.store.Bucket,
		Key:               &job.Object.Key,
		Body:              strings.NewReader("12345"),
		ChecksumAlgorithm: "CRC32",
	}
	if _, err := s.s3().PutObject(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	want := client.VerifiedChecksum{Algorithm: declared.Algorithm, Declared: declared.Value}
	if done := s.read(t, job.ID); done.Status != client.ImportStatusCompleted || *done.Checksum != want {
		t.Errorf("read: got %s with checksum %+v, want completed with %+v", done.Status, done.Checksum, want)
	}
}

// TestConflicts has the store answer 409 to conditional writes: it does not say which write succeeded, so no import is
// returned that may not exist.
func TestConflicts(t *testing.T) {
	target := storetest.Open(t)
	for _, prefix := range []string{"/jobs/", "/idem/"} {
		for times, want := range map[int]int{1: 201, 1000: 503} {
			left := times
			own := target.AWS.Copy()
			own.HTTPClient = smithyhttp.ClientDoFunc(func(r *http.Request) (*http.Response, error) {
				if r.Method == "PUT" && strings.Contains(r.URL.Path, prefix) && left > 0 {
					left--
					body := "<Error><Code>ConditionalRequestConflict</Code><Message>try again</Message></Error>"
					return &http.Response{
						StatusCode: 409,
						Header:     http.Header{},
						Body:       io.NopCloser(strings.NewReader(body)),
						Request:    r,
					}, nil
				}
				return http.DefaultClient.Do(r)
			})
			s := start(t, settings{aws: &own})
			r := withType(request(t, "POST", s.url+"/import", strings.NewReader("{}")))
			r.Header.Set("Idempotency-Key", uuid.NewString())
			if status, _, answer := do(t, r); status != want {
				t.Errorf("%d conflicts at %s: got %d %s, want %d", times, prefix, status, answer, want)
			}
		}
	}
}

// TestLostBucket checks that a missing bucket is an unavailable store, not missing imports.
func TestLostBucket(t *testing.T) {
	target := storetest.Open(t)
	own := target.AWS.Copy()
	own.HTTPClient = smithyhttp.ClientDoFunc(func(r *http.Request) (*http.Response, error) {
		r.URL.Path = strings.Replace(r.URL.Path, "/"+target.Bucket+"/", "/"+target.Bucket+"-gone/", 1)
		response := &http.Response{StatusCode: 404, Header: http.Header{}, Request: r, Body: http.NoBody}
		if r.Method != "HEAD" {
			response.Body = io.NopCloser(strings.NewReader("<Error><Code>NoSuchBucket</Code></Error>"))
		}
		return response, nil
	})
	s := start(t, settings{aws: &own})
	for name, call := range map[string]func() (int, http.Header, string){
		"create": func() (int, http.Header, string) { return s.post(t, "application/json", "{}") },
		"read": func() (int, http.Header, string) {
			return do(t, request(t, "GET", s.url+"/import/0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55", nil))
		},
	} {
		if status, header, answer := call(); status != 503 || problem(t, header, answer).Code != "store-unavailable" {
			t.Errorf("%s: got %d %s, want 503 store-unavailable", name, status, answer)
		}
	}
}

// TestExpiringCredentials signs with credentials that expire before the URL would.
func TestExpiringCredentials(t *testing.T) {
	target := storetest.Open(t)
	ends := time.Now().Add(10 * time.Minute).Truncate(time.Second)
	own := target.AWS.Copy()
	own.Credentials = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		c, err := target.AWS.Credentials.Retrieve(ctx)
		c.CanExpire, c.Expires = true, ends
		return c, err
	})
	s := start(t, settings{aws: &own})

	job := s.create(t, client.ImportRequest{})
	if !job.ExpiresAt.Equal(ends) {
		t.Errorf("expires_at: got %s, want the credentials' end, %s", job.ExpiresAt, ends)
	}
	signed, err := url.Parse(job.Upload.URL)
	if err != nil {
		t.Fatal(err)
	}
	query := signed.Query()
	from, err := time.Parse("20060102T150405Z", query.Get("X-Amz-Date"))
	if life, e := time.ParseDuration(query.Get("X-Amz-Expires") + "s"); err != nil || e != nil ||
		!from.Add(life).Equal(ends) {
		t.Errorf("URL: signed from %s for %s, want until %s", from, life, ends)
	}
	status, _, answer := s.post(t, "application/json", `{"expires_in": 900}`)
	if status != 422 || !strings.Contains(answer, "expiry-unattainable") || !strings.Contains(answer, "/expires_in") {
		t.Errorf("expires_in past the credentials' end: got %d %s, want 422 expiry-unattainable", status, answer)
	}
	if status, _, answer := s.post(t, "application/json", `{"expires_in": 300}`); status != 201 {
		t.Errorf("expires_in before the credentials' end: got %d %s, want 201", status, answer)
	}

	ends = time.Now().Add(-time.Second)
	for _, call := range []func() (int, http.Header, string){
		func() (int, http.Header, string) { return s.post(t, "", "") },
		func() (int, http.Header, string) { return s.post(t, "application/json", "{}") },
		func() (int, http.Header, string) { return s.post(t, "application/json", `{"mode": "form"}`) },
		func() (int, http.Header, string) { return do(t, request(t, "GET", s.url+"/import/"+job.ID, nil)) },
	} {
		if status, header, answer := call(); status != 503 || header.Get("Retry-After") == "" ||
			problem(t, header, answer).Code != "credentials-expired" {
			t.Errorf("after the credentials' end: got %d %s, want 503 credentials-expired", status, answer)
		}
	}
	ends = time.Now().Add(2 * time.Hour) // they are renewed: no restart needed
	if again := s.read(t, job.ID); again.Upload == nil || again.ExpiresAt.Before(time.Now().Add(50*time.Minute)) {
		t.Errorf("after renewal: got %+v, want a URL for the rest of the job's hour", again)
	}
}

// TestLog checks that the log has one line per request, fixed keys, and no secrets.
func TestLog(t *testing.T) {
	s := start(t, settings{})
	job := s.create(t, client.ImportRequest{})
	s.read(t, job.ID)
	s.post(t, "", "")
	s.post(t, "application/json", "{")
	r := request(t, "GET", s.url+"/import/none?X-Amz-Signature=abc", nil)
	r.Header.Set("X-Request-Id", "mine-1")
	if _, header, _ := do(t, r); header.Get("X-Request-Id") != "mine-1" {
		t.Errorf("X-Request-Id: got %q, want the caller's own", header.Get("X-Request-Id"))
	}
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	r.Header.Set("X-Request-Id", "two words")
	if _, header, _ := do(t, r); header.Get("X-Request-Id") == "two words" {
		t.Error("X-Request-Id: an id that could forge a log line was accepted")
	}

	lines := strings.Split(strings.TrimSpace(s.log.String()), "\n")
	if len(lines) != 6 {
		t.Errorf("got %d lines for 6 requests:\n%s", len(lines), s.log)
	}
	for _, line := range lines {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{
			"time", "level", "msg", "method", "path", "status", "bytes", "duration_us", "remote", "request_id",
		} {
			if _, ok := entry[key]; !ok {
				t.Errorf("%s: no %s", line, key)
			}
		}
		if entry["remote"] != "127.0.0.1" {
			t.Errorf("%s: the remote address is the one that the caller made up", line)
		}
		if strings.Contains(line, "X-Amz-") {
			t.Errorf("%s: holds a signed query", line)
		}
	}
}

// TestPanic checks that after a panic the response contains no internals, and the log the stack.
func TestPanic(t *testing.T) {
	s := start(t, settings{now: func() time.Time { panic("the clock fell") }, limits: imports.Limits{URLTTL: time.Hour}})
	status, header, answer := s.post(t, "", "")
	if p := problem(t, header, answer); status != 500 || p.Code != "internal-error" || strings.Contains(answer, "clock") {
		t.Errorf("got %d %s, want a bare 500", status, answer)
	}
	if log := s.log.String(); !strings.Contains(log, "the clock fell") ||
		!strings.Contains(log, "imports.(*Service).Sign") {
		t.Errorf("log: got %s, want the panic and its stack", log)
	}
}
