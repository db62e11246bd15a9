package localstore_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/signpost-s3/signpost/internal/localstore"
)

// startWithCallback starts a store with a callback.
func startWithCallback(t *testing.T, arrived func(key string)) *localstore.Store {
	t.Helper()
	s, err := localstore.Start(
		t.Context(),
		localstore.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", Bucket: "uploads", OnObjectCreated: arrived},
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// completeOne uploads one part, and completes the upload with a part number.
func completeOne(t *testing.T, s *localstore.Store, key string, number int32) error {
	t.Helper()
	c, bucket := client(s), aws.String(s.Bucket())
	created, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	part, err := c.UploadPart(
		t.Context(),
		&s3.UploadPartInput{
			Bucket:     bucket,
			Key:        &key,
			UploadId:   created.UploadId,
			PartNumber: aws.Int32(1),
			Body:       strings.NewReader("part"),
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: bucket, Key: &key, UploadId: created.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{
			Parts: []types.CompletedPart{{PartNumber: &number, ETag: part.ETag}},
		},
	})
	return err
}

// TestOnObjectCreated checks that each way to store an object calls back with its key once it is stored. Other requests
// call nothing.
func TestOnObjectCreated(t *testing.T) {
	keys := make(chan string, 100)
	s := startWithCallback(t, func(key string) { keys <- key })
	c, bucket := client(s), aws.String(s.Bucket())
	succeeds := func(what string, err error) {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	fails := func(what string, err error) {
		if err == nil {
			t.Errorf("%s succeeded", what)
		}
	}
	stores := func(what, key string) {
		if got := <-keys; got != key {
			t.Errorf("%s: callback with %q, want %q", what, got, key)
		}
		if _, there := stored(t, s, key); !there {
			t.Errorf("%s: callback with %q, which is not stored", what, key)
		}
	}

	put(t, s, "put/a b+c%.txt", "content")
	stores("PUT", "put/a b+c%.txt")
	put(t, s, "put/a b+c%.txt", "more")
	stores("PUT again", "put/a b+c%.txt")
	request := presign(t, s, "PUT", "presigned", time.Now())
	request.Body, request.ContentLength = io.NopCloser(strings.NewReader("1")), 1
	if status, code, _ := send(t, request); status != http.StatusOK {
		t.Fatalf("presigned PUT = %d %s", status, code)
	}
	stores("presigned PUT", "presigned")
	if status, code, _ := send(t, newForm(s, "form/a", "content").request(t, s)); status != http.StatusNoContent {
		t.Fatalf("form = %d %s", status, code)
	}
	stores("form", "form/a")
	succeeds("multipart upload", completeOne(t, s, "multipart", 1))
	stores("multipart upload", "multipart")
	put(t, s, "empty", "") // the only kind of object that this store copies
	stores("PUT of nothing", "empty")
	_, err := c.CopyObject(
		t.Context(),
		&s3.CopyObjectInput{Bucket: bucket, Key: aws.String("copy"), CopySource: aws.String(s.Bucket() + "/empty")},
	)
	succeeds("copy", err)
	stores("copy", "copy")

	cutShort(t, s, presign(t, s, "PUT", "short", time.Now()), 5_000_000)
	_, err = c.PutObject(
		t.Context(),
		&s3.PutObjectInput{
			Bucket:      bucket,
			Key:         aws.String("copy"),
			IfNoneMatch: aws.String("*"),
			Body:        strings.NewReader("x"),
		},
	)
	fails("PUT over an object that may not be", err)
	form := newForm(s, "form/b", "content")
	form.most = 1
	if status, _, _ := send(t, form.request(t, s)); status != http.StatusBadRequest {
		t.Errorf("form that is too long = %d", status)
	}
	form = newForm(s, "form/c", "content")
	form.secret = "guessed"
	if status, _, _ := send(t, form.request(t, s)); status != http.StatusForbidden {
		t.Errorf("form with a wrong signature = %d", status)
	}
	fails("completion without the part", completeOne(t, s, "incomplete", 2))
	_, err = c.CopyObject(
		t.Context(),
		&s3.CopyObjectInput{
			Bucket:     bucket,
			Key:        aws.String("copy/of/nothing"),
			CopySource: aws.String(s.Bucket() + "/nothing"),
		},
	)
	fails("copy of nothing", err)
	_, err = c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("others")})
	succeeds("another bucket", err)
	_, err = c.PutObject(
		t.Context(),
		&s3.PutObjectInput{Bucket: aws.String("others"), Key: aws.String("k"), Body: strings.NewReader("x")},
	)
	succeeds("PUT into another bucket", err)
	_, err = c.PutObjectTagging(
		t.Context(),
		&s3.PutObjectTaggingInput{
			Bucket:  bucket,
			Key:     aws.String("copy"),
			Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}},
		},
	)
	succeeds("tags", err)
	_, err = c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("copy")})
	succeeds("DELETE", err)
	put(t, s, "last", "content")
	stores("PUT", "last") // no callback before it
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	close(keys)
	for key := range keys {
		t.Errorf("callback with %q, which was not stored", key)
	}
}

// TestOnObjectCreatedDoesNotDelayRequests checks that uploads do not wait for callbacks. Close waits for callbacks in
// progress and starts no others.
func TestOnObjectCreatedDoesNotDelayRequests(t *testing.T) {
	var mu sync.Mutex
	var called, returned []string
	four, goOn := make(chan struct{}), make(chan struct{})
	var s *localstore.Store // set before the first callback
	s = startWithCallback(t, func(key string) {
		mu.Lock()
		if called = append(called, key); len(called) == 4 {
			close(four)
		}
		mu.Unlock()
		<-goOn
		if _, there := stored(t, s, key); !there { // the store still answers
			t.Errorf("%s is not there", key)
		}
		mu.Lock()
		returned = append(returned, key)
		mu.Unlock()
	})
	for i := range 10 {
		put(t, s, fmt.Sprint(i), "content")
	}
	<-four
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	for !s.NotifierIsClosing() {
		runtime.Gosched()
	}
	close(goOn)
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	slices.Sort(called)
	slices.Sort(returned)
	if len(returned) != 4 || !slices.Equal(called, returned) {
		t.Errorf("after Close: called with %v, of which %v returned; want the same four", called, returned)
	}
}

// TestOnObjectCreatedThatHangs checks that Close reports a callback that does not return.
func TestOnObjectCreatedThatHangs(t *testing.T) {
	never, begun := make(chan struct{}), make(chan struct{})
	defer close(never)
	s := startWithCallback(t, func(string) { close(begun); <-never })
	s.SetNotifierLimit(50 * time.Millisecond)
	put(t, s, "k", "content")
	<-begun
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "did not finish") {
		t.Errorf("Close = %v, want an error about notifications", err)
	}
}
