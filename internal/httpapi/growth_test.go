package httpapi_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// TestStoreCalls checks that the number of S3 calls per API call does not grow with the number of imports: a page costs
// by its imports. Ten imports are the fewest that fill a page of ten.
func TestStoreCalls(t *testing.T) {
	counter := &callCounter{}
	cfg := storetest.Open(t).AWS.Copy()
	cfg.HTTPClient = &http.Client{Transport: counter}
	s := start(t, settings{aws: &cfg})
	if s.store.Store == nil {
		t.Skip("the store is another process's: 10,000 records cannot be put into its folder, and to PUT them takes long")
	}
	sizes := []int{1, 10, 10_000}
	if testing.Short() {
		sizes = sizes[:2]
	}
	for _, jobs := range sizes {
		t.Run(fmt.Sprint(jobs), func(t *testing.T) { s.checkCalls(t, counter, jobs) })
	}
}

func (s *service) checkCalls(t *testing.T, counter *callCounter, jobs int) {
	oldest, key := s.fill(t, jobs), uuid.NewString()
	var inParts string // the import of the rows after the one that creates it
	full := min(jobs, 10)
	ten, completed := new(int32(10)), new(client.ImportStatusCompleted)
	for _, c := range []struct {
		name string
		call func()
		want calls
	}{
		// Pages come first, while all imports are alike: nothing uploaded. Records put into the
		// store's folder have no ETags, so each list reads them.
		{"list a page of 1", func() { s.page(t, client.ListImportsParams{Limit: new(int32(1))}, 1) },
			calls{"LIST jobs": 1, "GET jobs": 1, "LIST imports": 1}},
		{"list a page of 10", func() { s.page(t, client.ListImportsParams{Limit: ten}, full) },
			calls{"LIST jobs": 1, "GET jobs": full, "LIST imports": 1}},
		{"list a page of 10 without a match", func() {
			s.page(t, client.ListImportsParams{Limit: ten, Status: completed}, 0)
		},
			calls{"LIST jobs": 1, "GET jobs": full, "LIST imports": 1}},
		{"list what is after the oldest", func() { s.page(t, client.ListImportsParams{Cursor: &oldest}, 0) },
			calls{"LIST jobs": 1}},
		{"read the oldest", func() { s.read(t, oldest) },
			calls{"GET jobs": 1, "HEAD imports": 1}},
		{"create, untracked", func() { s.createUntracked(t) },
			calls{}},
		{"create", func() { s.create(t, client.ImportRequest{}) },
			calls{"PUT jobs": 1}},
		{"create with a key", func() { s.createWithKey(t, key) },
			calls{"PUT idem": 1, "PUT jobs": 1}},
		{"create with that key again", func() { s.createWithKey(t, key) },
			calls{"PUT idem": 1, "GET idem": 1, "GET jobs": 1, "HEAD imports": 1}},
		{"create in parts", func() { inParts = s.create(t, client.ImportRequest{Mode: multipartMode}).ID },
			calls{"POST imports": 1, "PUT jobs": 1}},
		{"sign 1,000 parts", func() {
			s.signParts(t, inParts, client.PartsRequest{
				First: 1, Count: 1000,
			})
		},
			calls{"GET jobs": 1}},
		{"read in parts", func() { s.read(t, inParts) },
			calls{"GET jobs": 1, "HEAD imports": 1, "GET imports": 1}},
	} {
		counter.take()
		c.call()
		if got := counter.take(); !maps.Equal(got, c.want) {
			t.Errorf("%s: got %v calls to S3, want %v", c.name, got, c.want)
		}
	}
	s.remove(t, inParts)
}

// page lists a page, which must have this number of imports.
func (s *service) page(t *testing.T, params client.ListImportsParams, want int) {
	t.Helper()
	r, err := s.ListImportsWithResponse(t.Context(), &params)
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	if r.JSON200 == nil || len(r.JSON200.Imports) != want {
		t.Fatalf("list: got %s %s, want %d jobs", r.Status(), r.Body, want)
	}
}

func (s *service) createUntracked(t *testing.T) {
	t.Helper()
	r, err := s.CreateImportWithBodyWithResponse(t.Context(), nil, "", nil)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	if r.JSON200 == nil || r.JSON200.UploadURL == "" {
		t.Fatalf("create: got %s %s, want an upload_url alone", r.Status(), r.Body)
	}
}

func (s *service) createWithKey(t *testing.T, key string) {
	t.Helper()
	r, err := s.CreateImportWithResponse(t.Context(), &client.CreateImportParams{IdempotencyKey: &key},
		client.ImportRequest{})
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	if r.JSON201 == nil {
		t.Fatalf("create: got %s %s, want a job", r.Status(), r.Body)
	}
}

// fill adds imports of the caller and returns the oldest id. The records are copies of one that the service wrote,
// with ids a millisecond apart. They are written as files into the store's folder, which is the working directory
// (see package localstore): versitygw lists and serves files that it did not write, without an ETag.
func (s *service) fill(t *testing.T, jobs int) (oldest string) {
	t.Helper()
	newest := s.create(t, client.ImportRequest{}).ID
	folder := filepath.Join(s.store.Bucket, "jobs", "public")
	record, err := os.ReadFile(filepath.Join(folder, recordName(t, newest)))
	if err != nil {
		t.Fatal(err)
	}
	others := folder + "-of-other-tests"
	if err := errors.Join(os.Rename(folder, others), os.Mkdir(folder, 0o700)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(os.RemoveAll(folder), os.Rename(others, folder)); err != nil {
			t.Error(err)
		}
	})
	var firsts []string
	for age := range jobs {
		oldest = before(t, newest, age)
		path := filepath.Join(folder, recordName(t, oldest))
		if age < 10 || age == jobs-1 {
			firsts = append(firsts, path)
			err = os.WriteFile(path, bytes.ReplaceAll(record, []byte(newest), []byte(oldest)), 0o600)
		} else { // its content is not read, and a link takes less time than a file
			err = os.Link(firsts[age%10], path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return oldest
}

// before returns an id like id, but made some milliseconds earlier.
func before(t *testing.T, id string, age int) string {
	made := fmt.Sprintf("%012x", madeAt(t, id)-int64(age))
	return made[:8] + "-" + made[8:] + id[len("01234567-0123"):]
}

// recordName returns the last segment of a record's key: the rank, which decreases over time, and the id.
func recordName(t *testing.T, id string) string {
	return fmt.Sprintf("%012x-%s.json", int64(1)<<48-1-madeAt(t, id), id)
}

// madeAt returns the time of a UUIDv7: its first 48 bits, milliseconds since 1970.
func madeAt(t *testing.T, id string) int64 {
	t.Helper()
	made, err := strconv.ParseInt(id[:8]+id[9:13], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// calls counts S3 calls by method (or LIST) and the prefix of the key.
type calls map[string]int

// callCounter counts the calls on their way to the store, including retries.
type callCounter struct {
	mu   sync.Mutex
	seen calls
}

func (w *callCounter) RoundTrip(r *http.Request) (*http.Response, error) {
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/") // path style: bucket, key
	prefix, _, _ := strings.Cut(key+r.URL.Query().Get("prefix"), "/")
	method := r.Method
	if key == "" {
		method = "LIST"
	}
	w.mu.Lock()
	if w.seen == nil {
		w.seen = calls{}
	}
	w.seen[method+" "+prefix]++
	w.mu.Unlock()
	return http.DefaultTransport.RoundTrip(r)
}

// take returns the calls since the last take.
func (w *callCounter) take() calls {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.seen
	w.seen = nil
	return taken
}
