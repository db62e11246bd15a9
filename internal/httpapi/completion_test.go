package httpapi_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// fullStore is a store that delays each completion until release is closed, and then answers 507.
type fullStore struct {
	storetest.Memory
	release     chan struct{}
	completions int
}

func (f *fullStore) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost || !r.URL.Query().Has("uploadId") {
		return f.Memory.RoundTrip(r)
	}
	f.completions++
	<-f.release
	body := io.NopCloser(strings.NewReader("<Error><Code>InsufficientStorage</Code></Error>"))
	return &http.Response{StatusCode: 507, Header: http.Header{}, Body: body, Request: r}, nil
}

// TestCompletionFailsLate checks that a completion that fails after its 202 wakes the waiters of the import. Each call
// sends one completion to the store.
func TestCompletionFailsLate(t *testing.T) {
	full := &fullStore{}
	cfg := full.AWS(full)
	options := settings{memory: &full.Memory, aws: &cfg, completionWait: 3 * time.Second}
	inFakeTime(t, options, func(t *testing.T, s *service) {
		full.release = make(chan struct{})
		id := s.create(t, client.ImportRequest{Mode: multipartMode, Size: new(int64(5))}).ID
		p := s.signParts(t, id, client.PartsRequest{First: 1, Count: 1}).Parts[0]
		sent, err := full.RoundTrip(request(t, "PUT", p.URL, strings.NewReader("hello")))
		if err != nil || sent.StatusCode != 200 {
			t.Fatalf("part: got %+v, %v, want 200", sent, err)
		}
		r, err := s.CompleteImportWithResponse(t.Context(), id, client.CompleteRequest{})
		if err != nil || r.JSON202 == nil || r.JSON202.Status != client.ImportStatusUploading || r.JSON202.Error != nil ||
			*r.JSON202.Multipart.UploadedBytes != 5 {
			t.Fatalf("complete: got %s %s, %v, want 202, uploading, 5 bytes", r.Status(), r.Body, err)
		}
		tag := tagOf(t, s.get(t, id, -1, ""))
		answers := make(chan *client.GetImportResponse, 2)
		for _, known := range []string{"", tag} {
			go func() { answers <- s.get(t, id, 25, known) }()
		}
		synctest.Wait()
		close(full.release)
		for range 2 {
			r := <-answers
			job := r.JSON200
			if job == nil || job.Status != client.ImportStatusUploading || job.Error == nil || job.Error.Code != "store-full" {
				t.Errorf("read with wait: got %s %s, want uploading with store-full", r.Status(), r.Body)
			}
		}
		if full.completions != 1 {
			t.Errorf("%d completions were sent to the store, want 1", full.completions)
		}
		again, err := s.CompleteImportWithResponse(t.Context(), id, client.CompleteRequest{})
		if err != nil || again.StatusCode() != 507 || !strings.Contains(string(again.Body), "store-full") {
			t.Errorf("complete again: got %+v, %v, want 507 store-full", again, err)
		}
		if full.completions != 2 {
			t.Errorf("%d completions were sent to the store, want 2", full.completions)
		}
	})
}
