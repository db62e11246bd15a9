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
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// testStore is the store of all tests but TestModel. Each test has an owner of its own.
var testStore storetest.Memory

// inFakeTime returns test within testing/synctest: what waits for a retry or a timeout takes no time.
func inFakeTime(test func(t *testing.T)) func(t *testing.T) {
	return func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			defer time.Sleep(completionLimit) // completions that continue without their caller end before
			test(t)
		})
	}
}

// wire is one server's connection to the store. Tests observe requests, and cut, delay or change them.
type wire struct {
	on func(call) fault // nil, or returning nil: requests pass unchanged

	mu    sync.Mutex
	calls []call
	count map[string]int
}

// call is one request to the store: a method, the prefix of its key and the query that tells it from others, as in
// "POST imports?uploadId". Nth counts calls of that kind from 1, Seq all of them; Attempt is above 1 for the SDK's
// retries, which are not counted.
type call struct {
	kind              string
	nth, seq, attempt int
}

// A fault responds to a request in place of the store; next sends it to the store.
type fault func(r *http.Request, next http.RoundTripper) (*http.Response, error)

// The requests that a service sends.
const (
	putClaim     = "PUT idem"
	getRecord    = "GET jobs"
	putRecord    = "PUT jobs"
	createUpload = "POST imports?uploads"
	listParts    = "GET imports?uploadId"
	assemble     = "POST imports?uploadId"
	abort        = "DELETE imports?uploadId"
	head         = "HEAD imports"
	remove       = "DELETE imports"
	listRecords  = "GET ?list-type"
)

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	c := w.record(r)
	if w.on != nil {
		if f := w.on(c); f != nil {
			return f(r, &testStore)
		}
	}
	return testStore.RoundTrip(r)
}

func (w *wire) record(r *http.Request) call {
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

// sent returns how many requests were sent, without retries.
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

// dead is a server that was killed: it sends no more requests, and no retries.
func dead(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
	if r.Body != nil {
		r.Body.Close()
	}
	return nil, &aws.RequestCanceledError{Err: errors.New("killed")}
}

// says returns an S3 error with this code; if acted is set, the store has processed the request before.
func says(status int, code string, after bool) fault {
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if after {
			if _, err := cutAfter(r, next); !errors.Is(err, errCut) {
				return nil, err
			}
		} else if r.Body != nil {
			r.Body.Close()
		}
		// S3 sends spaces while it works, and then the result.
		body := `<?xml version="1.0" encoding="UTF-8"?>` + "\n  \n" + `<Error><Code>` + code +
			`</Code><Message>test</Message><RequestId>1</RequestId></Error>`
		if r.Method == http.MethodHead {
			body = ""
		}
		return &http.Response{
			StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
			Header: http.Header{"Content-Type": {"application/xml"}}, ContentLength: int64(len(body)),
			Body: io.NopCloser(strings.NewReader(body)),
		}, nil
	}
}

// server returns a service as after a start, which reaches the store by w (nil: without faults).
func server(t testing.TB, w *wire) *Service {
	t.Helper()
	if w == nil {
		w = &wire{}
	}
	return serverOn(t, storetest.Target{AWS: testStore.AWS(w), Bucket: storetest.MemoryBucket, PathStyle: true})
}

// serverOn returns a service whose imports are in target.
func serverOn(t testing.TB, target storetest.Target) *Service {
	t.Helper()
	options := bucket.Options{Name: target.Bucket, AWS: target.AWS, PathStyle: target.PathStyle}
	b, err := bucket.Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	return &Service{Bucket: b, Limits: Limits{URLTTL: time.Hour, JobTTL: 24 * time.Hour}, Now: time.Now,
		AnonymousListing: true}
}

// later returns s with a clock that is d ahead.
func later(s *Service, d time.Duration) *Service {
	next := *s
	next.Now = func() time.Time { return time.Now().Add(d) }
	return &next
}

// ownerStore accesses the store with its own credentials, within the prefix of one owner.
type ownerStore struct {
	*s3.Client
	bucket, owner string
}

// newOwnerStore returns an ownerStore with a new owner.
func newOwnerStore(t testing.TB) ownerStore {
	t.Helper()
	target := storetest.Target{AWS: testStore.AWS(&testStore), Bucket: storetest.MemoryBucket, PathStyle: true}
	return newOwnerStoreOn(t, target)
}

func newOwnerStoreOn(t testing.TB, target storetest.Target) ownerStore {
	t.Helper()
	client := s3.NewFromConfig(target.AWS, func(o *s3.Options) { o.UsePathStyle = target.PathStyle })
	return ownerStore{client, target.Bucket, "o-" + uuid.NewString()}
}

// uploads counts the multipart uploads in progress.
func (store ownerStore) uploads(t testing.TB) int {
	t.Helper()
	prefix := "imports/" + store.owner + "/"
	out, err := store.ListMultipartUploads(context.WithoutCancel(t.Context()),
		&s3.ListMultipartUploadsInput{Bucket: &store.bucket, Prefix: &prefix})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.Uploads)
}

// object returns the bytes at j's key, or nil if there is no object.
func (store ownerStore) object(t testing.TB, id string) []byte {
	t.Helper()
	out, err := store.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &store.bucket,
		Key: aws.String(objectKey(store.owner, id))})
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

// part stores a part with the store's own credentials, which no plan limits.
func (store ownerStore) part(t testing.TB, j Job, n int32, content []byte) error {
	t.Helper()
	storetest.AwaitNextSecond(t)
	_, err := store.UploadPart(t.Context(), &s3.UploadPartInput{
		Bucket: &store.bucket, Key: aws.String(j.Key()), UploadId: &j.Parts.UploadID, PartNumber: &n,
		Body: bytes.NewReader(content), ChecksumAlgorithm: types.ChecksumAlgorithm(strings.ToUpper(j.Parts.Algorithm)),
	})
	return err
}

// put stores an object with the store's own credentials.
func (store ownerStore) put(t testing.TB, id string, content []byte) {
	t.Helper()
	if _, err := store.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &store.bucket,
		Key:  aws.String(objectKey(store.owner, id)),
		Body: bytes.NewReader(content)}); err != nil {
		t.Fatal(err)
	}
}

// removeObject removes j's object with the store's own credentials.
func (store ownerStore) removeObject(t *testing.T, j Job) {
	t.Helper()
	in := &s3.DeleteObjectInput{Bucket: &store.bucket, Key: aws.String(j.Key())}
	if _, err := store.DeleteObject(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

// createMultipart creates a job of one part and uploads content as that part.
func (store ownerStore) createMultipart(t testing.TB, content []byte) Job {
	t.Helper()
	size := int64(len(content))
	j, err := server(t, nil).Create(t.Context(), store.owner, Request{Mode: Multipart, Size: &size}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := store.part(t, j, 1, content); err != nil {
		t.Fatal(err)
	}
	return j
}

// codeOf returns the code of err: empty if it is nil, "internal" if it is no Error.
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
