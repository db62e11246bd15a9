package upload

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/gen/client"
)

// readRequests records the Wait parameters of requests that read imports.
type readRequests struct {
	mu       sync.Mutex
	waits    []string
	recorded chan struct{}
}

func newReadRequests() *readRequests { return &readRequests{recorded: make(chan struct{}, 1000)} }

// record is a fault that forwards each request.
func (a *readRequests) record(x exchange) bool {
	if x.r.Method == http.MethodGet && strings.HasPrefix(x.r.URL.Path, "/import/") {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.waits = append(a.waits, x.r.URL.Query().Get("wait"))
		a.recorded <- struct{}{}
	}
	return false
}

// TestWatch: an import is read once, then by long polling.
func TestWatch(t *testing.T) {
	w, reads := start(t), newReadRequests()
	w.useProxies(t, nil, reads.record)
	job, err := w.API.Create(t.Context(), client.ImportRequest{}, "")
	if err != nil {
		t.Fatal(err)
	}
	watch := w.API.Watch(job.ID)
	if got, err := watch.Next(t.Context()); err != nil || IsTerminal(got) {
		t.Fatalf("first Next: got %s, %v, want it not terminal", got.Status, err)
	}
	<-reads.recorded
	done := make(chan client.Import)
	go func() {
		got, _ := watch.Next(t.Context())
		done <- got
	}()
	<-reads.recorded
	if err := w.API.Delete(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	if got := (<-done).Status; got != client.ImportStatusAborted {
		t.Errorf("second Next: got %s, want aborted", got)
	}
	if got := strings.Join(reads.waits, " "); got != " 20" {
		t.Errorf("wait: got %q seconds, want none and then 20", got)
	}
}

// TestWatchIntervals: the interval grows while a service without long polling reports no change.
func TestWatchIntervals(t *testing.T) {
	const id = "01a22529-74d5-7f84-bc00-7bf3810bf0e7"
	for name, c := range map[string]struct {
		etag    string
		changed int       // the request that is answered with a change
		want    []float64 // seconds from the first request to each
	}{
		"no long polling":         {`"1"`, 100, []float64{0, 0, 1, 3, 7, 15, 23}},
		"no long polling, change": {`"1"`, 4, []float64{0, 0, 1, 3, 7, 15, 16}},
		"no ETag":                 {"", 100, []float64{0, 1, 2, 3, 4, 5, 6}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, got := time.Now(), []float64{}
				api, err := NewAPI("http://signpost.example", nil, roundTripFunc(func(r *http.Request) (*http.Response, error) {
					w := httptest.NewRecorder()
					w.Header().Set("Content-Type", "application/json")
					if c.etag != "" {
						w.Header().Set("ETag", c.etag)
					}
					if r.Header.Get("If-None-Match") != "" && len(got) != c.changed {
						w.WriteHeader(http.StatusNotModified)
					} else {
						io.WriteString(w, `{"id":"`+id+`","status":"uploading"}`)
					}
					got = append(got, time.Since(began).Seconds())
					return w.Result(), nil
				}))
				if err != nil {
					t.Fatal(err)
				}
				watch := api.Watch(id)
				for range c.want {
					if job, err := watch.Next(t.Context()); err != nil || job.Status != client.ImportStatusUploading {
						t.Fatalf("Next: got %+v, %v, want an import that is uploading", job, err)
					}
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("got requests after %v s, want %v", got, c.want)
				}
			})
		})
	}
}

// TestUploadAndWait: with Wait, the status of the import decides whether a file in one request is uploaded.
func TestUploadAndWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	if err := os.WriteFile(path, []byte("a,b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	discarded := func(x exchange) bool {
		x.w.Header().Set("ETag", `"nothing"`)
		return respond(http.StatusOK, "text/plain", "")(x)
	}
	t.Run("completed", func(t *testing.T) {
		w, reads := start(t), newReadRequests()
		w.useProxies(t, nil, reads.record)
		w.Wait = true
		if got, err := w.File(t.Context(), path, Options{Checksum: None}); err != nil || got.Size != 4 || got.ETag == "" ||
			len(reads.waits) == 0 {
			t.Errorf("File: got %+v, %v after %d reads of the import, want 4 bytes after some", got, err, len(reads.waits))
		}
	})
	for name, c := range map[string]struct {
		change func(t *testing.T, w *world, id string)
		want   string
	}{
		"aborted": {func(t *testing.T, w *world, id string) {
			if err := w.API.Delete(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}, ErrNotOpen.Error() + ": it is aborted"},
		"failed": {func(t *testing.T, w *world, id string) { w.overwrite(t, "imports/public/"+id, "another length") },
			"the import failed (size-mismatch): 4 bytes were declared"},
	} {
		t.Run(name, func(t *testing.T) {
			w, reads := start(t), newReadRequests()
			w.useProxies(t, always(http.MethodPut, discarded), reads.record)
			w.Wait = true
			id, done := make(chan string, 1), make(chan error)
			w.OnEvent = func(e Event) {
				if e.Kind == Finishing {
					id <- e.ID
				}
			}
			go func() {
				_, err := w.File(t.Context(), path, Options{Checksum: None})
				done <- err
			}()
			<-reads.recorded
			c.change(t, w, <-id)
			if err := <-done; err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("File: got %v, want %q", err, c.want)
			}
		})
	}
}

// overwrite stores body at key without the service.
func (w *world) overwrite(t *testing.T, key, body string) {
	t.Helper()
	store := s3.NewFromConfig(w.store.AWS, func(o *s3.Options) { o.UsePathStyle = w.store.PathStyle })
	if _, err := store.PutObject(t.Context(),
		&s3.PutObjectInput{Bucket: &w.store.Bucket, Key: &key, Body: strings.NewReader(body)}); err != nil {
		t.Fatal(err)
	}
}
