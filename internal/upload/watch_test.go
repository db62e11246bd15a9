package upload

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/gen/client"
)

// readRequests records the requests that read imports: their times and their Wait parameters.
type readRequests struct {
	mu    sync.Mutex
	at    []time.Time
	waits []string
	seen  chan struct{}
}

func newAsked() *readRequests { return &readRequests{seen: make(chan struct{}, 1000)} }

func (a *readRequests) record(r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at, a.waits = append(a.at, time.Now()), append(a.waits, r.URL.Query().Get("wait"))
	a.seen <- struct{}{}
}

// reads records each read of an import.
func (a *readRequests) reads(_, _ int, _ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/import/") {
		a.record(r)
	}
	return false
}

// old emulates a service without long polling.
func (a *readRequests) old(all, this int, w http.ResponseWriter, r *http.Request, onward http.Handler) bool {
	a.reads(all, this, w, r, onward)
	r.URL.RawQuery = ""
	r.Header.Del("If-None-Match")
	answer := httptest.NewRecorder()
	onward.ServeHTTP(answer, r)
	answer.Header().Del("ETag")
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
	return true
}

// TestWatch: an import is read once, then by long polling.
func TestWatch(t *testing.T) {
	w, a := start(t), newAsked()
	w.useProxies(t, nil, a.reads)
	job, err := w.API.Create(t.Context(), client.ImportRequest{}, "")
	if err != nil {
		t.Fatal(err)
	}
	watch := w.API.Watch(*job.ID)
	if got, err := watch.Next(t.Context()); err != nil || IsTerminal(got) {
		t.Fatalf("first Next: got %s, %v, want it awaited", deref(got.Status), err)
	}
	<-a.seen
	done := make(chan client.Job)
	go func() {
		got, _ := watch.Next(t.Context())
		done <- got
	}()
	<-a.seen
	if err := w.API.Delete(t.Context(), *job.ID); err != nil {
		t.Fatal(err)
	}
	if got := deref((<-done).Status); got != client.JobStatusAborted {
		t.Errorf("second Next: got %s, want aborted", got)
	}
	if got := strings.Join(a.waits, " "); got != " 20" {
		t.Errorf("Next asked to wait for %q seconds, want first none and then 20", got)
	}
}

// TestWatchOldService: a service without long polling is read once per second.
func TestWatchOldService(t *testing.T) {
	w, a := start(t), newAsked()
	w.useProxies(t, nil, a.old)
	job, err := w.API.Create(t.Context(), client.ImportRequest{}, "")
	if err != nil {
		t.Fatal(err)
	}
	watch := w.API.Watch(*job.ID)
	for range 3 {
		if got, err := watch.Next(t.Context()); err != nil || IsTerminal(got) {
			t.Fatalf("Next: got %s, %v, want it awaited", deref(got.Status), err)
		}
	}
	for i := range 2 {
		if gap := a.at[i+1].Sub(a.at[i]); gap < minPollInterval-50*time.Millisecond {
			t.Errorf("requests %d and %d: %s apart, want a second", i, i+1, gap)
		}
	}
}

// TestWatchWithoutLongPolling: the interval grows while a service responds at once and nothing changes.
func TestWatchWithoutLongPolling(t *testing.T) {
	w := start(t)
	w.useProxies(t, nil, func(_, _ int, _ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		r.URL.RawQuery = ""
		return false
	})
	job, err := w.API.Create(t.Context(), client.ImportRequest{}, "")
	if err != nil {
		t.Fatal(err)
	}
	watch := w.API.Watch(*job.ID)
	next := func(status client.JobStatus, every time.Duration) {
		t.Helper()
		watch.earliest = time.Time{}
		if got, err := watch.Next(t.Context()); err != nil || deref(got.Status) != status || watch.interval != every {
			t.Fatalf("Next: got %s, %v, next after %s, want %s, next after %s", deref(got.Status), err, watch.interval, status,
				every)
		}
	}
	for _, seconds := range []time.Duration{1, 2, 4, 8, 8} {
		next(client.JobStatusAwaitingUpload, seconds*time.Second)
	}
	if err := w.API.Delete(t.Context(), *job.ID); err != nil {
		t.Fatal(err)
	}
	next(client.JobStatusAborted, time.Second)
}

// TestUploadAndWait: with Wait, the status of the import decides whether a file in one request is uploaded.
func TestUploadAndWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	if err := os.WriteFile(path, []byte("a,b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	swallowed := func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		w.Header().Set("ETag", `"nothing"`)
		return respond(http.StatusOK, "text/plain", "")(w, r, nil)
	}
	t.Run("completed", func(t *testing.T) {
		w, a := start(t), newAsked()
		w.useProxies(t, nil, a.reads)
		w.Wait = true
		if got, err := w.File(t.Context(), path, Options{Checksum: None}); err != nil || got.Size != 4 || got.ETag == "" ||
			len(a.at) == 0 {
			t.Errorf("File: got %+v, %v after %d reads of the import, want 4 bytes after some", got, err, len(a.at))
		}
	})
	t.Run("aborted", func(t *testing.T) {
		w, a := start(t), newAsked()
		w.useProxies(t, always(http.MethodPut, swallowed), a.reads)
		w.Wait = true
		id := make(chan string, 1)
		w.OnEvent = func(e Event) {
			if e.Kind == Finishing {
				id <- e.ID
			}
		}
		done := make(chan error)
		go func() {
			_, err := w.File(t.Context(), path, Options{Checksum: None})
			done <- err
		}()
		awaited := <-id
		<-a.seen
		if err := w.API.Delete(t.Context(), awaited); err != nil {
			t.Fatal(err)
		}
		if err := <-done; !errors.Is(err, errNotOpen) || !strings.Contains(err.Error(), "aborted") {
			t.Errorf("File: got %v, want that it is aborted", err)
		}
	})
	t.Run("failed", func(t *testing.T) {
		w := start(t)
		w.useProxies(t, always(http.MethodPut, swallowed), nil)
		w.Wait = true
		id := make(chan string, 1)
		w.OnEvent = func(e Event) {
			if e.Kind == Finishing {
				id <- e.ID
			}
		}
		done := make(chan error)
		go func() {
			_, err := w.File(t.Context(), path, Options{Checksum: None})
			done <- err
		}()
		w.overwrite(t, "imports/public/"+<-id, "another length")
		if err := <-done; err == nil || !strings.Contains(err.Error(),
			"the import failed (size-mismatch): declared 4 bytes") {
			t.Errorf("File: got %v, want what the import failed of", err)
		}
	})
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
