package imports

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// wire is one server's way to the store. A test sees what passes, and cuts, delays or changes it.
type wire struct {
	on func(call) fault // nil, or returning nil: all passes

	mu    sync.Mutex
	calls []call
	count map[string]int
}

// call is one request to the store: a method, the prefix of its key and the query that tells it from others, as in
// "POST imports?uploadId". Nth counts calls of that kind from 1, Seq all of them; Attempt is above 1 for the SDK's retries,
// which are not counted.
type call struct {
	kind              string
	nth, seq, attempt int
}

// A fault answers a request in the store's place; next would ask the store.
type fault func(r *http.Request, next http.RoundTripper) (*http.Response, error)

// These are the calls that a service makes.
const (
	putClaim    = "PUT idem"
	getRecord   = "GET jobs"
	putRecord   = "PUT jobs"
	begin       = "POST imports?uploads"
	listHeld    = "GET imports?uploadId"
	assemble    = "POST imports?uploadId"
	abort       = "DELETE imports?uploadId"
	head        = "HEAD imports"
	remove      = "DELETE imports"
	listRecords = "GET ?list-type"
)

// roads is shared by all wires, so that their connections are.
var roads = &http.Transport{MaxIdleConnsPerHost: 64}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	c := w.see(r)
	if w.on != nil {
		if f := w.on(c); f != nil {
			return f(r, roads)
		}
	}
	return roads.RoundTrip(r)
}

func (w *wire) see(r *http.Request) call {
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/") // path style: bucket, prefix, owner, name
	c := call{kind: r.Method + " ", attempt: 1}
	if len(path) > 1 {
		c.kind += path[1]
	}
	for _, name := range []string{"uploads", "uploadId", "list-type"} {
		if r.URL.Query().Has(name) {
			c.kind += "?" + name
		}
	}
	fmt.Sscanf(r.Header.Get("Amz-Sdk-Request"), "attempt=%d", &c.attempt)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.count == nil {
		w.count = map[string]int{}
	}
	if c.attempt == 1 {
		w.count[c.kind]++
		w.count[""]++
	}
	c.nth, c.seq = w.count[c.kind], w.count[""]
	w.calls = append(w.calls, c)
	return c
}

// sent is how many calls have passed, retries not counted.
func (w *wire) sent() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count[""]
}

var errCut = fmt.Errorf("connection cut: %w", io.ErrUnexpectedEOF)

func cutBefore(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
	if r.Body != nil {
		r.Body.Close()
	}
	return nil, errCut
}

func cutAfter(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	response, err := next.RoundTrip(r)
	if err == nil {
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
		err = errCut
	}
	return nil, err
}

// dead is a server that was killed: nothing of what it still tries leaves it, and nothing is tried again.
func dead(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
	if r.Body != nil {
		r.Body.Close()
	}
	return nil, &aws.RequestCanceledError{Err: errors.New("killed")}
}

// says answers with an S3 error of this code, after the store has acted if so.
func says(status int, code string, after bool) fault {
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if after {
			if _, err := cutAfter(r, next); !errors.Is(err, errCut) {
				return nil, err
			}
		} else if r.Body != nil {
			r.Body.Close()
		}
		// S3 sends blanks while it works, and then what came of it.
		body := `<?xml version="1.0" encoding="UTF-8"?>` + "\n  \n" + `<Error><Code>` + code + `</Code><Message>test</Message><RequestId>1</RequestId></Error>`
		if r.Method == http.MethodHead {
			body = ""
		}
		return &http.Response{
			StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
			Header: http.Header{"Content-Type": {"application/xml"}}, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
		}, nil
	}
}

// server is a service as it stands after a start, with the store at the end of w (nil: a sound one).
func server(t testing.TB, w *wire) *Service {
	t.Helper()
	if w == nil {
		w = &wire{}
	}
	target := storetest.Open(t)
	if !target.PathStyle {
		t.Skip("the store is addressed by host; the wire knows calls by their path")
	}
	cfg := target.AWS.Copy()
	cfg.HTTPClient = &http.Client{Transport: w}
	b, err := bucket.Open(t.Context(), bucket.Options{Name: target.Bucket, AWS: cfg, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	return &Service{Bucket: b, Limits: Limits{URLTTL: time.Hour, JobTTL: 24 * time.Hour}, Now: time.Now, AnonymousListing: true}
}

// later is s, or its successor, d from now.
func later(s *Service, d time.Duration) *Service {
	next := *s
	next.Now = func() time.Time { return time.Now().Add(d) }
	return &next
}

// yard is the store as its operator sees it, within the prefix of one owner.
type yard struct {
	*s3.Client
	bucket, owner string
}

// yardOf gives a test an owner of its own.
func yardOf(t testing.TB) yard {
	t.Helper()
	target := storetest.Open(t)
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	client := s3.NewFromConfig(target.AWS, func(o *s3.Options) { o.UsePathStyle = target.PathStyle })
	y := yard{client, target.Bucket, "o-" + id.String()}
	y.put(t, "keep", nil) // versitygw removes a folder once it is empty, and refuses a PUT that comes at that moment
	return y
}

// uploads counts the multipart uploads under way.
func (y yard) uploads(t testing.TB) int {
	t.Helper()
	prefix := "imports/" + y.owner + "/"
	out, err := y.ListMultipartUploads(context.WithoutCancel(t.Context()), &s3.ListMultipartUploadsInput{Bucket: &y.bucket, Prefix: &prefix})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.Uploads)
}

// object returns the bytes at j's key, or nil where there is no object.
func (y yard) object(t testing.TB, id string) []byte {
	t.Helper()
	out, err := y.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &y.bucket, Key: aws.String(objectKey(y.owner, id))})
	if err != nil {
		if strings.Contains(err.Error(), "NoSuchKey") {
			return nil
		}
		t.Fatal(err)
	}
	defer out.Body.Close()
	content, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte{}, content...)
}

// part stores a part with the store's own credentials, which no plan binds.
func (y yard) part(t testing.TB, j Job, n int32, content []byte) error {
	t.Helper()
	_, err := y.UploadPart(t.Context(), &s3.UploadPartInput{
		Bucket: &y.bucket, Key: aws.String(j.Key()), UploadId: &j.Parts.UploadID, PartNumber: &n, Body: bytes.NewReader(content),
	})
	return err
}

// put stores an object with the store's own credentials.
func (y yard) put(t testing.TB, id string, content []byte) {
	t.Helper()
	if _, err := y.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &y.bucket, Key: aws.String(objectKey(y.owner, id)), Body: bytes.NewReader(content)}); err != nil {
		t.Fatal(err)
	}
}

// begun is a job of one part, which holds content.
func (y yard) begun(t testing.TB, content []byte) Job {
	t.Helper()
	size := int64(len(content))
	j, err := server(t, nil).Create(t.Context(), y.owner, Request{Mode: Multipart, Size: &size}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := y.part(t, j, 1, content); err != nil {
		t.Fatal(err)
	}
	return j
}

// codeOf is the code of err: empty where it is nil, "internal" where it is a fault of ours.
func codeOf(err error) string {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e) && e.Kind != Internal:
		return e.Code
	}
	return "internal"
}
