package localstore_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/signpost-s3/signpost/internal/localstore"
)

func apiCode(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	if err != nil { // no response, or none of S3
		return err.Error()
	}
	return ""
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// presign signs at a given time, which the SDK's presign client does not support.
func presign(t *testing.T, s *localstore.Store, method, key string, at time.Time) *http.Request {
	t.Helper()
	return presignWith(t, s, s.Credentials(), method, key, at, "900", nil)
}

func presignWith(t *testing.T, s *localstore.Store, creds aws.Credentials, method, key string, at time.Time,
	expires string, header http.Header,
) *http.Request {
	t.Helper()
	path, query, _ := strings.Cut(key, "?")
	req, err := http.NewRequestWithContext(t.Context(), method,
		s.Endpoint()+"/"+s.Bucket()+"/"+path+"?X-Amz-Expires="+expires+"&"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		req.Header = header.Clone()
	}
	signed, _, err := v4.NewSigner().
		PresignHTTP(t.Context(), creds, req, "UNSIGNED-PAYLOAD", "s3", s.AWSConfig().Region, at,
			func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if err != nil {
		t.Fatal(err)
	}
	if req.URL, err = url.Parse(signed); err != nil {
		t.Fatal(err)
	}
	return req
}

func TestPresignedPutBySDK(t *testing.T) {
	s := start(t, t.TempDir())
	signed, err := s3.NewPresignClient(client(s)).PresignPutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(s.Bucket()), Key: aws.String("a b/ü.bin"),
	})
	if err != nil {
		t.Fatal(err)
	}
	content := strings.Repeat("\x00\xff\r\n", 5000)
	req, err := http.NewRequestWithContext(t.Context(), signed.Method, signed.URL, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if status, code, _ := send(t, req); status != http.StatusOK {
		t.Fatalf("PUT = %d %s", status, code)
	}
	if got, _ := stored(t, s, "a b/ü.bin"); got != content {
		t.Errorf("stored %d bytes that differ from the %d sent", len(got), len(content))
	}
}

func TestPresignedPut(t *testing.T) {
	s := start(t, t.TempDir())
	typed := http.Header{"Content-Type": {"text/plain"}}
	stranger := aws.Credentials{AccessKeyID: "LOCALNOBODY", SecretAccessKey: s.Credentials().SecretAccessKey}
	forger := aws.Credentials{AccessKeyID: s.Credentials().AccessKeyID, SecretAccessKey: "guessed"}
	now := time.Now()

	for _, row := range []struct {
		name    string
		creds   aws.Credentials
		at      time.Time
		expires string
		header  http.Header
		change  func(*http.Request)
		status  int
		code    string
	}{
		{name: "as signed", status: 200},
		{name: "as signed, with its type", header: typed, status: 200},
		{name: "half a minute of life left", at: now.Add(-870 * time.Second), status: 200},
		{name: "expired", at: now.Add(-time.Minute), expires: "1", status: 403, code: "AccessDenied"},
		{name: "a clock 14 minutes ahead", at: now.Add(14 * time.Minute), status: 200},
		{name: "a clock 16 minutes ahead", at: now.Add(16 * time.Minute), status: 403, code: "AccessDenied"},
		{name: "more than a week", expires: "604801", status: 400, code: "AuthorizationQueryParametersError"},
		{name: "unknown key", creds: stranger, status: 403, code: "InvalidAccessKeyId"},
		{name: "another secret", creds: forger, status: 403, code: "SignatureDoesNotMatch"},
		{
			name: "another key", status: 403, code: "SignatureDoesNotMatch",
			change: func(r *http.Request) { r.URL.Path += "x" },
		},
		{
			name: "a longer life", status: 403, code: "SignatureDoesNotMatch",
			change: func(r *http.Request) {
				r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "X-Amz-Expires=900", "X-Amz-Expires=901", 1)
			},
		},
		{
			name: "another type", header: typed, status: 403, code: "SignatureDoesNotMatch",
			change: func(r *http.Request) { r.Header.Set("Content-Type", "text/html") },
		},
		{
			name: "another method", status: 403, code: "SignatureDoesNotMatch",
			change: func(r *http.Request) { r.Method = "DELETE" },
		},
		{
			name: "no signature", status: 400, code: "AuthorizationQueryParametersError",
			change: func(r *http.Request) {
				q := r.URL.Query()
				q.Del("X-Amz-Signature")
				r.URL.RawQuery = q.Encode()
			},
		},
		{
			name: "no query", status: 403, code: "AccessDenied",
			change: func(r *http.Request) { r.URL.RawQuery = "" },
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.creds.AccessKeyID == "" {
				row.creds = s.Credentials()
			}
			if row.at.IsZero() {
				row.at = now
			}
			if row.expires == "" {
				row.expires = "900"
			}
			key := strings.NewReplacer(" ", "-", ",", "").Replace(row.name)
			req := presignWith(t, s, row.creds, "PUT", key, row.at, row.expires, row.header)
			req.Body, req.ContentLength = io.NopCloser(strings.NewReader("content")), 7
			if row.change != nil {
				row.change(req)
			}
			status, code, _ := send(t, req)
			if status != row.status || code != row.code {
				t.Errorf("PUT = %d %q, want %d %q", status, code, row.status, row.code)
			}
			if _, ok := stored(t, s, key); ok != (row.status == 200) {
				t.Errorf("stored: %v", ok)
			}
		})
	}
}

func TestPresignedLength(t *testing.T) {
	s := start(t, t.TempDir())
	signed, err := s3.NewPresignClient(client(s)).PresignPutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(s.Bucket()), Key: aws.String("k"), ContentLength: aws.Int64(7),
	})
	if err != nil {
		t.Fatal(err)
	}
	for content, want := range map[string]int{"conten": 403, "content": 200, "contents": 403} {
		req, err := http.NewRequestWithContext(t.Context(), signed.Method, signed.URL, strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if status, code, _ := send(t, req); status != want {
			t.Errorf("PUT of %d bytes = %d %s, want %d", len(content), status, code, want)
		}
	}
}
