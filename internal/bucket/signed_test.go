package bucket

import (
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// faultyReads answers the first GET or HEAD with first, if it is set, and sends the others to the store.
type faultyReads struct {
	first func(*http.Request) (*http.Response, error)
	reads int
}

func (f *faultyReads) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		if f.reads++; f.reads == 1 && f.first != nil {
			return f.first(r)
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}

// brokenBody fails after some bytes.
type brokenBody struct{ io.Reader }

func (b brokenBody) Read(p []byte) (int, error) {
	if n, err := b.Reader.Read(p); n > 0 || err == nil {
		return n, nil
	}
	return 0, io.ErrUnexpectedEOF
}

func (brokenBody) Close() error { return nil }

// TestReads: a read that succeeds is one request. If that fails, the SDK's request returns the same.
func TestReads(t *testing.T) {
	target := storetest.Open(t)
	key, missing := "imports/test/"+uuid.NewString(), "imports/test/"+uuid.NewString()
	client := s3.NewFromConfig(target.AWS, func(o *s3.Options) { o.UsePathStyle = target.PathStyle })
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &target.Bucket, Key: &key, Body: strings.NewReader("content"),
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256, Metadata: map[string]string{"a": "b"},
	}); err != nil {
		t.Fatal(err)
	}
	respondWith := func(status int, body io.ReadCloser) func(*http.Request) (*http.Response, error) {
		return func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: body, Request: r}, nil
		}
	}
	noLength := func(r *http.Request) (*http.Response, error) {
		response, err := http.DefaultTransport.RoundTrip(r)
		if r.Method == http.MethodHead && err == nil {
			response.ContentLength = -1
		} else if err == nil {
			response.StatusCode = http.StatusBadGateway
		}
		return response, err
	}
	var record *Record
	var object *Object
	for _, c := range []struct {
		name  string
		first func(*http.Request) (*http.Response, error)
		want  int // requests for each read
	}{
		{"success", nil, 1},
		{"busy at first", respondWith(503, http.NoBody), 2},
		{"no answer at first", func(*http.Request) (*http.Response, error) { return nil, io.EOF }, 2},
		{"our signature refused", respondWith(403, http.NoBody), 2},
		{"another success", respondWith(206, http.NoBody), 2},
		{"no length of the object", noLength, 2},
		{"the body breaks off", respondWith(200, brokenBody{strings.NewReader("con")}), 2},
	} {
		transport := &faultyReads{first: c.first}
		settings := target.AWS
		settings.HTTPClient = &http.Client{Transport: transport}
		b, err := Open(t.Context(), Options{Name: target.Bucket, AWS: settings, PathStyle: target.PathStyle})
		if err != nil {
			t.Fatal(err)
		}
		r, err := b.ReadRecord(t.Context(), key)
		if err != nil || transport.reads != c.want || string(r.Body) != "content" || r.ETag == "" ||
			record != nil && !reflect.DeepEqual(r, *record) {
			t.Errorf("%s: ReadRecord: got %+v, %v after %d requests, want %+v after %d",
				c.name, r, err, transport.reads, record, c.want)
		}
		transport.reads = 0
		o, err := b.Head(t.Context(), key)
		if err != nil || transport.reads != c.want || o.Size != 7 || o.LastModified.IsZero() ||
			o.Checksums["sha256"] != "7XACtDnprIRfIjV9giusFERzD722AW0+yUMil7nsn3M=" ||
			object != nil && !reflect.DeepEqual(o, *object) {
			t.Errorf("%s: Head: got %+v, %v after %d requests, want %+v after %d",
				c.name, o, err, transport.reads, object, c.want)
		}
		record, object = &r, &o
		transport.first, transport.reads = nil, 0
		_, err = b.ReadRecord(t.Context(), missing)
		_, headErr := b.Head(t.Context(), missing)
		if !errors.Is(err, ErrNotFound) || !errors.Is(headErr, ErrNotFound) || transport.reads != 2 {
			t.Errorf("a missing object: got %v and %v after %d requests, want not found after 2", err, headErr, transport.reads)
		}
	}
}
