package httpapi_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
)

// TestTamperedUpload makes one change at a time to a valid upload. The store must reject every one, and store nothing.
func TestTamperedUpload(t *testing.T) {
	content := []byte("exactly these bytes")
	declared := client.ImportRequest{
		Size: new(
			int64(len(content)),
		), ContentType: "text/plain", Filename: "a.txt", Metadata: map[string]string{"order": "42"},
		Checksum: checksum("sha256", content), WriteOnce: true,
	}
	s := start(t, settings{})
	for _, c := range []struct {
		name   string
		edit   func(*http.Request)
		body   []byte // nil: content
		reason string // the store's code
	}{
		{"method", func(r *http.Request) { r.Method = "POST" }, nil, ""},
		{
			"another key", func(r *http.Request) { r.URL.Path = r.URL.Path[:len(r.URL.Path)-1] + "x" }, nil,
			"SignatureDoesNotMatch",
		},
		{
			"another owner's key", func(r *http.Request) { r.URL.Path = strings.Replace(r.URL.Path, "/public/", "/secret/", 1) },
			nil, "SignatureDoesNotMatch",
		},
		{"another host", func(r *http.Request) { r.Host = "store.example.com" }, nil, "SignatureDoesNotMatch"},
		{"longer life", query("X-Amz-Expires", "604800"), nil, "SignatureDoesNotMatch"},
		{"life past a week", query("X-Amz-Expires", "604801"), nil, "AuthorizationQueryParametersError"},
		{"no life", query("X-Amz-Expires", ""), nil, "AuthorizationQueryParametersError"},
		{
			"later date", query("X-Amz-Date", time.Now().UTC().Add(time.Minute).Format("20060102T150405Z")), nil,
			"SignatureDoesNotMatch",
		},
		{
			"dated in the future", query("X-Amz-Date", time.Now().UTC().Add(16*time.Minute).Format("20060102T150405Z")), nil,
			"AccessDenied",
		},
		{"another signature", query("X-Amz-Signature", strings.Repeat("0", 64)), nil, "SignatureDoesNotMatch"},
		{"no signature", query("X-Amz-Signature", ""), nil, "AuthorizationQueryParametersError"},
		{"no query", func(r *http.Request) { r.URL.RawQuery = "" }, nil, "AccessDenied"},
		{
			"another account",
			query("X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/"+time.Now().UTC().Format("20060102")+"/us-east-1/s3/aws4_request"),
			nil, "InvalidAccessKeyId",
		},
		{"one more parameter", query("versionId", "1"), nil, "SignatureDoesNotMatch"},
		{"multipart instead", query("uploads", ""), nil, "SignatureDoesNotMatch"},
		{"fewer signed headers", query("X-Amz-SignedHeaders", "host"), nil, ""},
		{"one byte more", nil, append(bytes.Clone(content), '!'), "SignatureDoesNotMatch"},
		{"one byte less", nil, content[:len(content)-1], "SignatureDoesNotMatch"},
		{"other bytes of that length", nil, bytes.ToUpper(content), "BadDigest"},
		{"another type", header("Content-Type", "text/html"), nil, "SignatureDoesNotMatch"},
		{"no type", without("Content-Type"), nil, ""},
		{"another name", header("Content-Disposition", "inline"), nil, "SignatureDoesNotMatch"},
		{"other metadata", header("X-Amz-Meta-Order", "43"), nil, "SignatureDoesNotMatch"},
		{"no metadata", without("X-Amz-Meta-Order"), nil, ""},
		{"more metadata", header("X-Amz-Meta-Admin", "true"), nil, "AccessDenied"},
		{
			"another checksum", header("X-Amz-Checksum-Sha256", checksum("sha256", bytes.ToUpper(content)).Value),
			bytes.ToUpper(content), "SignatureDoesNotMatch",
		},
		{"no checksum", without("X-Amz-Checksum-Sha256"), nil, ""},
		{"without write-once", without("If-None-Match"), nil, ""},
		{"public to all", header("X-Amz-Acl", "public-read"), nil, "AccessDenied"},
	} {
		t.Run(c.name, func(t *testing.T) {
			job := s.create(t, declared)
			u := *job.Upload
			body := content
			if c.body != nil {
				body = c.body
			}
			r := uploadOf(t, u, body)
			if c.edit != nil {
				c.edit(r)
			}
			status, _, answer := do(t, r)
			if status < 400 || status >= 500 {
				t.Fatalf("got %d %s, want a refusal", status, answer)
			}
			if code := storeCode(answer); c.reason != "" && code != c.reason {
				t.Errorf("got %d %s, want %s", status, answer, c.reason)
			}
			if s.stored(t, job.Object.Key) != nil {
				t.Error("the store kept an object")
			}
			if again := s.read(t, job.ID); again.Status != client.ImportStatusAwaitingUpload {
				t.Errorf("read: got %s, want awaiting_upload", again.Status)
			}
		})
	}
	t.Run("nothing", func(t *testing.T) { // the control: the unchanged upload succeeds
		job := s.create(t, declared)
		if status, _, answer := do(t, uploadOf(t, *job.Upload, content)); status != 200 {
			t.Fatalf("got %d %s, want 200", status, answer)
		}
		status, _, answer := do(t, uploadOf(t, *job.Upload, content))
		if status != 412 || storeCode(answer) != "PreconditionFailed" {
			t.Errorf("a second write: got %d %s, want 412 PreconditionFailed", status, answer)
		}
	})
}

// TestExpiredURL signs in the past, so that the URL has expired without waiting.
func TestExpiredURL(t *testing.T) {
	s := start(t, settings{now: func() time.Time { return time.Now().Add(-2 * time.Hour) }})
	_, _, body := s.post(t, "", "")
	url := strings.Split(body, `"`)[3]
	if status, code := put(t, url, []byte("late")); status != 403 || code != "AccessDenied" {
		t.Errorf("PUT an hour after the end: got %d %s, want 403 AccessDenied", status, code)
	}
}

func uploadOf(t *testing.T, u client.UploadRequest, body []byte) *http.Request {
	t.Helper()
	r := request(t, string(u.Method), u.URL, bytes.NewReader(body))
	for name, value := range u.Headers {
		r.Header.Set(name, value)
	}
	return r
}

// query sets a parameter, or removes it if value is empty.
func query(name, value string) func(*http.Request) {
	return func(r *http.Request) {
		q := r.URL.Query()
		if q.Del(name); value != "" || name == "uploads" {
			q.Set(name, value)
		}
		r.URL.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	}
}

func without(name string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Del(name) }
}
