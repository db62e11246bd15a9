package bucket

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// TestOpenUploads checks that only open uploads below the prefix are listed, up to the limit.
func TestOpenUploads(t *testing.T) {
	t.Run("of prefixes", func(t *testing.T) { testOpenUploads(t, open(t)) })
	t.Run("of whole keys and the bucket", func(t *testing.T) {
		target := storetest.Open(t)
		target.AWS.HTTPClient = &http.Client{Transport: keyLister{}}
		b, err := Open(t.Context(), Options{Name: target.Bucket, AWS: target.AWS, PathStyle: target.PathStyle})
		if err != nil {
			t.Fatal(err)
		}
		testOpenUploads(t, b)
	})
}

// keyLister makes a store list no uploads below a prefix, unless it is a whole key.
type keyLister struct{}

func (keyLister) RoundTrip(r *http.Request) (*http.Response, error) {
	query := r.URL.Query()
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || r.Method != http.MethodGet || !query.Has("uploads") || query.Get("prefix") == "" {
		return response, err
	}
	body, err := io.ReadAll(response.Body)
	if err == nil && !strings.Contains(string(body), "<Key>"+query.Get("prefix")+"</Key>") {
		body = []byte("<ListMultipartUploadsResult></ListMultipartUploadsResult>")
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	response.Header.Del("Content-Length")
	return response, errors.Join(err, response.Body.Close())
}

func testOpenUploads(t *testing.T, b *Bucket) {
	prefix := "imports/o-" + uuid.NewString() + "/"
	expect := func(what, prefix string, atMost, want int) {
		t.Helper()
		if got, _, err := b.ListUploads(t.Context(), prefix, Multipart{}, atMost); len(got) != want || err != nil {
			t.Errorf("%s: got %d, %v, want %d", what, len(got), err, want)
		}
	}
	expect("none begun", prefix, 1000, 0)
	var uploads []Multipart
	for _, name := range []string{"a", "b", "c"} {
		id, err := b.CreateMultipart(t.Context(), Upload{Key: prefix + name})
		if err != nil {
			t.Fatal(err)
		}
		uploads = append(uploads, Multipart{Key: prefix + name, UploadID: id})
	}
	expect("three begun", prefix, 1000, 3)
	expect("one, by its key", prefix+"b", 1000, 1)
	expect("three after that", prefix, 1000, 3)
	expect("exactly as many as are listed", prefix, 3, 3)
	expect("one more than are listed", prefix, 2, 2)
	expect("elsewhere", prefix+"x/", 1000, 0)
	for i, m := range uploads {
		if err := b.AbortMultipart(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		expect("aborted", prefix, 1000, 2-i)
	}
}

// TestListNoUploads: rclone answers with NoSuchUpload if there is no upload. A bucket that does not exist is an error.
func TestListNoUploads(t *testing.T) {
	for code, fails := range map[string]bool{"NoSuchUpload": false, "NoSuchBucket": true} {
		w := &fakeStore{answer: respond(http.StatusNotFound, code)}
		b, _ := openFake(t, w, static())
		uploads, more, err := b.ListUploads(t.Context(), "imports/", Multipart{}, 10)
		if len(uploads) > 0 || more || (err != nil) != fails {
			t.Errorf("%s: got %v, %v, %v, want no upload, and an error: %v", code, uploads, more, err, fails)
		}
	}
}
