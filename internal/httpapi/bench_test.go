package httpapi_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/httpapi"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// newHandler returns the service's handler, without a network.
func newHandler(t testing.TB) http.Handler {
	t.Helper()
	target := storetest.Open(t)
	store, err := bucket.Open(t.Context(),
		bucket.Options{Name: target.Bucket, AWS: target.AWS, PathStyle: target.PathStyle})
	if err != nil {
		t.Fatal(err)
	}
	handler := httpapi.New(httpapi.Options{
		Service: &imports.Service{Bucket: store, Limits: imports.Limits{URLTTL: time.Hour, JobTTL: time.Hour}, Now: time.Now},
		Ready:   store.Check,
		Log:     slog.New(slog.NewJSONHandler(io.Discard, nil)),
	})
	uuid.EnableRandPool()
	t.Cleanup(uuid.DisableRandPool)
	return handler
}

// newPost returns a function that posts body to path and requires 200.
func newPost(t testing.TB, h http.Handler, path, body string) func() {
	return func() {
		r := httptest.NewRequestWithContext(t.Context(), "POST", path, strings.NewReader(body))
		if body == "" {
			r.Body, r.ContentLength = http.NoBody, 0
		} else {
			r.Header.Set("Content-Type", "application/json")
		}
		w := &discardWriter{header: http.Header{}}
		if h.ServeHTTP(w, r); w.status != http.StatusOK {
			t.Fatalf("POST %s: got %d, want 200", path, w.status)
		}
	}
}

// discardWriter discards a response but keeps its status.
type discardWriter struct {
	header http.Header
	status int
}

func (w *discardWriter) Header() http.Header         { return w.header }
func (w *discardWriter) WriteHeader(status int)      { w.status = status }
func (w *discardWriter) Write(b []byte) (int, error) { return len(b), nil }

func BenchmarkUntracked(b *testing.B) {
	post := newPost(b, newHandler(b), "/import", "")
	b.ReportAllocs()
	for b.Loop() {
		post()
	}
}

// BenchmarkSignParts measures one call for 1,000 part URLs, including reading the record from the local store.
func BenchmarkSignParts(b *testing.B) {
	id := start(b, settings{}).createParts(b, 1000)
	post := newPost(b, newHandler(b), "/import/"+id+"/parts", `{"first":1,"count":1000}`)
	b.ReportAllocs()
	for b.Loop() {
		post()
	}
}

// TestAllocations limits the allocations of the fast paths, which cost more than their arithmetic.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool drop what it is given")
	}
	h := newHandler(t)
	// The request and its recorder allocate 12 times, Echo and the middleware 8 times, response headers 7 times, the
	// timeout of credentials 4 times. The rest are IDs, key, URL, body and log line.
	const maxAllocations = 40
	if got := testing.AllocsPerRun(200, newPost(t, h, "/import", "")); got > maxAllocations {
		t.Errorf("untracked POST /import: got %.0f allocations, want at most %d", got, maxAllocations)
	}
	id := start(t, settings{}).createParts(t, 1000)
	sign := func(count int) float64 {
		return testing.AllocsPerRun(20, newPost(t, h, "/import/"+id+"/parts", fmt.Sprintf(`{"first":1,"count":%d}`, count)))
	}
	// One is the URL. The in-process store and the record allocate the same for any count.
	if got := (sign(1000) - sign(1)) / 999; got > 1.2 {
		t.Errorf("signing parts: got %.2f allocations a part, want the URL's one", got)
	}
}

// createParts creates an import with this number of parts.
func (s *service) createParts(t testing.TB, parts int64) string {
	t.Helper()
	return s.create(t, client.ImportRequest{
		Mode: multipartMode, Size: new(parts * 16 * mib), PartSize: 16 * mib,
	}).ID
}
