package localstore_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/localstore"
)

// start runs a store in dir until the test ends.
func start(t *testing.T, dir string, origins ...string) *localstore.Store {
	t.Helper()
	s, err := localstore.Start(t.Context(), localstore.Options{
		Dir: dir, Listen: "127.0.0.1:0", Bucket: "uploads", CORS: bucket.CORSRule(origins),
	})
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func client(s *localstore.Store) *s3.Client {
	return s3.NewFromConfig(s.AWSConfig(), func(o *s3.Options) {
		o.UsePathStyle = true
		o.RetryMaxAttempts = 1
	})
}

// send sends the request and returns the status and, for an error, S3's code.
func send(t *testing.T, req *http.Request) (status int, code string, header http.Header) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", req.Method, req.URL.Path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: read answer: %v", req.Method, req.URL.Path, err)
	}
	return resp.StatusCode, errorCode(body), resp.Header
}

func errorCode(body []byte) string {
	var answer struct{ Code string }
	xml.Unmarshal(body, &answer) //nolint:errcheck // without a code, it is ""
	return answer.Code
}

func stored(t *testing.T, s *localstore.Store, key string) (content string, ok bool) {
	t.Helper()
	out, err := client(s).GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(s.Bucket()), Key: &key})
	if err != nil {
		if code := apiCode(err); code != "NoSuchKey" {
			t.Fatalf("GetObject %s: %v", key, err)
		}
		return "", false
	}
	defer out.Body.Close()
	b, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatalf("GetObject %s: %v", key, err)
	}
	return string(b), true
}

func TestRestartKeepsEverything(t *testing.T) {
	for _, kind := range []string{"xattr", "sidecar"} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			if kind == "sidecar" { // a store with a sidecar folder keeps using it
				if err := os.Mkdir(filepath.Join(dir, "sidecar"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			first := start(t, dir)
			put, err := client(first).PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: aws.String("uploads"), Key: aws.String("a/b.txt"), Body: strings.NewReader("hello"),
				ContentType:        aws.String("text/x-test"),
				ContentDisposition: aws.String(`attachment; filename="b.txt"`),
				Metadata:           map[string]string{"owner": "me"},
				ChecksumSHA256:     aws.String(sums("hello")["sha256"]),
			})
			if err != nil {
				t.Fatalf("PutObject: %v", err)
			}
			if err := first.Close(); err != nil {
				t.Fatalf("Close: %v", err)
			}

			second := start(t, dir)
			if second.Credentials() != first.Credentials() {
				t.Errorf("credentials changed from %v to %v", first.Credentials().AccessKeyID, second.Credentials().AccessKeyID)
			}
			head, err := client(second).HeadObject(t.Context(), &s3.HeadObjectInput{
				Bucket: aws.String("uploads"), Key: aws.String("a/b.txt"), ChecksumMode: "ENABLED",
			})
			if err != nil {
				t.Fatalf("HeadObject: %v", err)
			}
			for what, pair := range map[string][2]string{
				"ETag":                {aws.ToString(head.ETag), aws.ToString(put.ETag)},
				"Content-Type":        {aws.ToString(head.ContentType), "text/x-test"},
				"Content-Disposition": {aws.ToString(head.ContentDisposition), `attachment; filename="b.txt"`},
				"metadata owner":      {head.Metadata["owner"], "me"},
				"sha256":              {aws.ToString(head.ChecksumSHA256), sums("hello")["sha256"]},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s = %q, want %q", what, pair[0], pair[1])
				}
			}
			if got, _ := stored(t, second, "a/b.txt"); got != "hello" {
				t.Errorf("content = %q, want hello", got)
			}
			_, err = os.Stat(filepath.Join(dir, "sidecar", "uploads"))
			if used := err == nil; used != (kind == "sidecar") {
				t.Errorf("sidecar in use: %v", used)
			}
		})
	}
}

func TestStartRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()

	for name, row := range map[string]struct {
		dir, listen, bucket string
		want                string
	}{
		"every interface":     {t.TempDir(), ":0", "b", "must be loopback"},
		"a public address":    {t.TempDir(), "192.0.2.1:9000", "b", "must be loopback"},
		"a name":              {t.TempDir(), "example.org:9000", "b", "must be loopback"},
		"no port":             {t.TempDir(), "127.0.0.1", "b", "must be host:port"},
		"no bucket":           {t.TempDir(), "127.0.0.1:0", "", "no bucket"},
		"an impossible name":  {t.TempDir(), "127.0.0.1:0", "No_Bucket", "No_Bucket"},
		"a file for a folder": {file, "127.0.0.1:0", "bucket", file},
		"a port in use": {
			t.TempDir(), taken.Addr().String(), "bucket",
			"listen on " + taken.Addr().String() + ": address already in use",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := localstore.Start(t.Context(), localstore.Options{Dir: row.dir, Listen: row.listen, Bucket: row.bucket})
			if err == nil {
				s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Start = %v, want one line with %q", err, row.want)
			}
		})
	}
}

func TestStartListensOnAnyLoopback(t *testing.T) {
	for _, listen := range []string{"127.0.0.1:0", "127.0.0.2:0", "localhost:0", "[::1]:0"} {
		s, err := localstore.Start(t.Context(), localstore.Options{Dir: t.TempDir(), Listen: listen, Bucket: "uploads"})
		if err != nil {
			t.Errorf("Start on %s: %v", listen, err)
			continue
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close on %s: %v", listen, err)
		}
	}
}

// TestPutStreams checks that a body is not held in memory.
func TestPutStreams(t *testing.T) {
	const size = 128 << 20
	s := start(t, t.TempDir())
	req := presign(t, s, "PUT", "large", time.Now())
	req.Body, req.ContentLength = io.NopCloser(io.LimitReader(zeros{}, size)), size
	before := allocated()
	if status, code, _ := send(t, req); status != http.StatusOK {
		t.Fatalf("PUT = %d %s", status, code)
	}
	if used := allocated() - before; used > size/4 {
		t.Errorf("a PUT of %d bytes allocated %d", size, used)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestNoOutput(t *testing.T) {
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = out, out
	defer func() { os.Stdout, os.Stderr = stdout, stderr }()

	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sidecar"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := localstore.Start(
		context.Background(),
		localstore.Options{Dir: dir, Listen: "127.0.0.1:0", Bucket: "uploads"},
	)
	if err != nil {
		t.Fatal(err)
	}
	cutShort(t, s, presign(t, s, "PUT", "cut", time.Now()), 5_000_000)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if printed, _ := os.ReadFile(out.Name()); len(bytes.TrimSpace(printed)) > 0 {
		t.Errorf("printed: %s", printed)
	}
}
