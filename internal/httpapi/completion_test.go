package httpapi_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// fullStore is an HTTP client that reports each HEAD, delays each completion until release is closed, and answers it
// with 507.
type fullStore struct {
	looks       chan struct{}
	release     chan struct{}
	completions atomic.Int32
}

func (f *fullStore) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost || !r.URL.Query().Has("uploadId") {
		return heads{f.looks}.RoundTrip(r)
	}
	f.completions.Add(1)
	r.Body.Close()
	<-f.release
	body := io.NopCloser(strings.NewReader("<Error><Code>InsufficientStorage</Code></Error>"))
	return &http.Response{StatusCode: 507, Header: http.Header{}, Body: body, Request: r}, nil
}

// TestFailedCompletionIsNews checks that a completion that fails after its 202 wakes the waiters of the import. Each
// call sends one completion to the store.
func TestFailedCompletionIsNews(t *testing.T) {
	full := &fullStore{looks: make(chan struct{}, 100_000), release: make(chan struct{})}
	cfg := storetest.Open(t).AWS.Copy()
	cfg.HTTPClient = &http.Client{Transport: full}
	s := &waiting{start(t, settings{aws: &cfg, patience: 3 * time.Second}), nil, full.looks}
	content := []byte("twelve bytes")
	id := *s.create(t, client.ImportRequest{Mode: multipartMode, Size: ptr(int64(len(content)))}).ID
	s.sendParts(t, id, content, []int32{1})
	r, err := s.CompleteImportWithResponse(t.Context(), id, client.CompleteRequest{})
	if err != nil || r.JSON202 == nil || r.JSON202.Error != nil {
		t.Fatalf("complete: got %+v, %v, want 202", r, err)
	}
	tag := tagOf(t, s.get(t, id, -1, ""))
	for len(full.looks) > 0 {
		<-full.looks
	}
	answers := make(chan *client.GetImportResponse, 2)
	go func() { answers <- s.get(t, id, 25, "") }()
	s.await(t) // the record was read before
	go func() { answers <- s.get(t, id, 25, tag) }()
	s.await(t)
	close(full.release)
	for range 2 {
		r := <-answers
		job := r.JSON200
		if job == nil || *job.Status != client.JobStatusUploading || job.Error == nil || job.Error.Code != "store-full" {
			t.Errorf("read with wait: got %s %s, want uploading with store-full", r.Status(), r.Body)
		}
	}
	if n := full.completions.Load(); n != 1 {
		t.Errorf("%d completions were sent to the store, want 1", n)
	}
	again, err := s.CompleteImportWithResponse(t.Context(), id, client.CompleteRequest{})
	if err != nil || again.StatusCode() != 507 || !strings.Contains(string(again.Body), "store-full") {
		t.Errorf("complete again: got %+v, %v, want 507 store-full", again, err)
	}
	if n := full.completions.Load(); n != 2 {
		t.Errorf("%d completions were sent to the store, want 2", n)
	}
}
