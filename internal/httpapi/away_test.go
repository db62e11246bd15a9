package httpapi_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// TestStoreAwayFromParts checks that all operations on a multipart upload report an unreachable store, and change
// nothing.
func TestStoreAwayFromParts(t *testing.T) {
	line := storetest.Cut(t)
	s := start(t, settings{aws: &line.AWS})
	id := *s.create(t, client.ImportRequest{Mode: multipartMode, Size: ptr(int64(5))}).ID
	s.sendPart(t, id, 1, []byte("hello"), nil)
	line.Down()
	var wg sync.WaitGroup
	for _, c := range []struct{ method, path, body string }{
		{"POST", "", `{"mode":"multipart"}`}, {"GET", "", ""}, {"GET", "/" + id, ""}, {"DELETE", "/" + id, ""},
		{"POST", "/" + id + "/parts", `{"first":1,"count":1}`}, {"GET", "/" + id + "/parts", ""},
		{"POST", "/" + id + "/complete", ""},
	} {
		r := request(t, c.method, s.url+"/import"+c.path, nil)
		if c.body != "" {
			r = withType(request(t, c.method, s.url+"/import"+c.path, strings.NewReader(c.body)))
		}
		wg.Go(func() {
			status, header, answer := do(t, r)
			if status != 503 || header.Get("Retry-After") == "" || problem(t, header, answer).Code != "store-unavailable" {
				t.Errorf(
					"%s /import%s: got %d %v %s, want 503 store-unavailable with Retry-After",
					c.method,
					c.path,
					status,
					header,
					answer,
				)
			}
		})
	}
	wg.Wait()
	line.Up()
	if done := s.complete(t, id, client.CompleteRequest{}); *done.Status != client.JobStatusCompleted {
		t.Errorf("complete once the store is back: got %+v", done)
	}
	s.remove(t, id)
}

// slow delays completions until they are released.
type slow struct {
	http.RoundTripper
	release chan struct{}
}

func (s slow) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == "POST" && r.URL.Query().Has("uploadId") {
		<-s.release
	}
	return s.RoundTripper.RoundTrip(r)
}

// TestSlowCompletion checks that a completion returns 202 while the store assembles the object, and 200 afterwards.
func TestSlowCompletion(t *testing.T) {
	way := slow{http.DefaultTransport, make(chan struct{})}
	cfg := storetest.Open(t).AWS.Copy()
	cfg.HTTPClient = &http.Client{Transport: way}
	s := start(t, settings{aws: &cfg, patience: 50 * time.Millisecond})
	id := *s.create(t, client.ImportRequest{Mode: multipartMode}).ID
	s.sendPart(t, id, 1, []byte("hello"), nil)
	r, err := s.CompleteImportWithResponse(t.Context(), id, client.CompleteRequest{})
	if err != nil || r.JSON202 == nil || *r.JSON202.Status != client.JobStatusUploading ||
		*r.JSON202.Multipart.UploadedBytes != 5 {
		t.Fatalf("complete: got %s %s, %v, want 202, uploading, 5 bytes", r.Status(), r.Body, err)
	}
	close(way.release)
	patient := start(t, settings{})
	if done := patient.complete(t, id, client.CompleteRequest{}); *done.Status != client.JobStatusCompleted {
		t.Errorf("complete again: got %+v, want completed", done)
	}
	patient.remove(t, id)
}
