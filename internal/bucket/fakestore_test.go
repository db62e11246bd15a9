package bucket

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/s3limits"
)

// fakeStore is a store that returns a test's response and records requests. Without a network, tests can use
// testing/synctest.
type fakeStore struct {
	mu       sync.Mutex
	answer   func(*http.Request) (*http.Response, error)
	requests []*http.Request
}

func (w *fakeStore) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.requests = append(w.requests, r)
	answer := w.answer
	w.mu.Unlock()
	return answer(r)
}

// setAnswer changes the response and forgets its requests.
func (w *fakeStore) setAnswer(answer func(*http.Request) (*http.Response, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer, w.requests = answer, nil
}

func (w *fakeStore) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.requests)
}

// respond returns a response of the store. A HEAD has no body, and so no code.
func respond(status int, code string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		body := "<Error><Code>" + code + "</Code><Message>test</Message></Error>"
		if r.Method == http.MethodHead || code == "" {
			body = ""
		}
		return &http.Response{
			StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
			Header:        http.Header{"Etag": {`"1"`}},
			ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
		}, nil
	}
}

// failWith returns a failure of the connection.
func failWith(err error) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// hang sends no response.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// openFake returns a bucket on w, without retries, and the outcomes that its hooks received.
func openFake(t *testing.T, w *fakeStore, provider aws.CredentialsProvider) (b *Bucket, outcomes func() []string) {
	t.Helper()
	var mu sync.Mutex
	var received []string
	b, err := Open(t.Context(), Options{
		Name: "data",
		AWS:  aws.Config{Region: "us-east-1", Credentials: provider, HTTPClient: &http.Client{Transport: w}},
		Hooks: Hooks{OnCall: func(_ context.Context, operation, outcome string, _ time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			received = append(received, operation+" "+outcome)
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.client = s3.New(b.client.Options(), func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })
	return b, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string{}, received...)
	}
}

func static() aws.CredentialsProvider {
	return aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider("AKIA", "secret", ""))
}

// operations are all calls of a bucket by S3's names.
var operations = []struct {
	name  string
	limit time.Duration // 0: only the caller's
	call  func(context.Context, *Bucket) error
}{
	{
		"GetObject",
		callTimeout,
		func(ctx context.Context, b *Bucket) error { _, err := b.ReadRecord(ctx, "k"); return err },
	},
	{"PutObject", callTimeout, func(ctx context.Context, b *Bucket) error { return b.CreateRecord(ctx, "k", nil) }},
	{"PutObject", callTimeout, func(ctx context.Context, b *Bucket) error {
		_, err := b.ReplaceRecord(ctx, "k", `"0"`, nil)
		return err
	}},
	{"HeadObject", callTimeout, func(ctx context.Context, b *Bucket) error { _, err := b.Head(ctx, "k"); return err }},
	{
		"ListObjectsV2",
		callTimeout,
		func(ctx context.Context, b *Bucket) error { _, _, err := b.List(ctx, "p/", "", 10); return err },
	},
	{"DeleteObject", removalTimeout, func(ctx context.Context, b *Bucket) error { return b.Delete(ctx, "k") }},
	{"CreateMultipartUpload", callTimeout, func(ctx context.Context, b *Bucket) error {
		_, err := b.CreateMultipart(ctx, Upload{Key: "k"})
		return err
	}},
	{
		"ListParts",
		callTimeout,
		func(ctx context.Context, b *Bucket) error { _, err := b.AllParts(ctx, inProgress); return err },
	},
	{"CompleteMultipartUpload", 0, func(ctx context.Context, b *Bucket) error {
		return b.CompleteMultipart(ctx, inProgress, []Part{{Number: 1, Size: 1, ETag: "e"}}, "")
	}},
	{
		"AbortMultipartUpload",
		removalTimeout,
		func(ctx context.Context, b *Bucket) error { return b.AbortMultipart(ctx, inProgress) },
	},
	{"ListMultipartUploads", callTimeout, func(ctx context.Context, b *Bucket) error {
		_, _, err := b.listUploads(ctx, "p/", Multipart{}, s3limits.MaxListed)
		return err
	}},
	{"HeadBucket", callTimeout, func(ctx context.Context, b *Bucket) error { return b.Check(ctx) }},
	{
		"GetBucketLifecycleConfiguration",
		callTimeout,
		func(ctx context.Context, b *Bucket) error { _, err := b.Lifecycle(ctx); return err },
	},
	{"GetBucketCors", callTimeout, func(ctx context.Context, b *Bucket) error { _, err := b.CORS(ctx); return err }},
}

var inProgress = Multipart{Key: "k", UploadID: "u"}
