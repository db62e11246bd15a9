package bucket

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// faulty answers the first write itself and counts writes.
type faulty struct {
	first  func(*http.Request) (*http.Response, error) // nil: the store's response
	writes atomic.Int32
}

func (f *faulty) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut && f.writes.Add(1) == 1 && f.first != nil {
		return f.first(r)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// TestRecordWrites checks that a successful write is one request, and that any failure of it ends as with the SDK
// alone.
func TestRecordWrites(t *testing.T) {
	answer := func(status int, body string) func(*http.Request) (*http.Response, error) {
		return func(r *http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: status,
				Header:     http.Header{},
				Body:       io.NopCloser(strings.NewReader(body)),
				Request:    r,
			}, nil
		}
	}
	lost := func(r *http.Request) (*http.Response, error) {
		if response, err := http.DefaultTransport.RoundTrip(r); err == nil {
			response.Body.Close()
		}
		return nil, io.ErrUnexpectedEOF
	}
	altered := func(r *http.Request) (*http.Response, error) {
		r.Body = io.NopCloser(strings.NewReader("forged"))
		return http.DefaultTransport.RoundTrip(r)
	}
	for _, c := range []struct {
		name   string
		first  func(*http.Request) (*http.Response, error)
		exists bool
		want   error
		writes int32
	}{
		{"written", nil, false, nil, 1},
		{"there is one", nil, true, ErrChanged, 1},
		{"busy at first", answer(503, "<Error><Code>SlowDown</Code></Error>"), false, nil, 2},
		{"no answer at first", func(*http.Request) (*http.Response, error) { return nil, io.EOF }, false, nil, 2},
		{"written, but the answer lost", lost, false, ErrChanged, 2}, // the caller reads its own record
		{"our signature refused", answer(403, "<Error><Code>RequestTimeTooSkewed</Code></Error>"), false, nil, 2},
		{"success that is none", answer(204, ""), false, nil, 2},
		{"altered on its way", altered, false, nil, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			target, key := storetest.Open(t), "jobs/test/"+uuid.NewString()
			if c.exists {
				if err := open(t).CreateRecord(t.Context(), key, []byte("first")); err != nil {
					t.Fatal(err)
				}
			}
			fakeStore := &faulty{first: c.first}
			target.AWS.HTTPClient = &http.Client{Transport: fakeStore}
			b, err := Open(t.Context(), Options{Name: target.Bucket, AWS: target.AWS, PathStyle: target.PathStyle})
			if err != nil {
				t.Fatal(err)
			}
			if err := b.CreateRecord(t.Context(), key, []byte("record")); !errors.Is(err, c.want) ||
				strings.Contains(errorText(err), "X-Amz") {
				t.Errorf("CreateRecord: got %v, want %v", err, c.want)
			}
			if got := fakeStore.writes.Load(); got != c.writes {
				t.Errorf("CreateRecord: got %d requests, want %d", got, c.writes)
			}
			want := "record"
			if c.exists {
				want = "first"
			}
			record, err := b.ReadRecord(t.Context(), key)
			if err != nil || string(record.Body) != want {
				t.Fatalf("ReadRecord: got %q, %v, want %q", record.Body, err, want)
			}
			if _, err := b.ReplaceRecord(t.Context(), key, `"stale"`, []byte("wrong")); !errors.Is(err, ErrChanged) {
				t.Errorf("ReplaceRecord with a stale ETag: got %v, want ErrChanged", err)
			}
			if etag, err := b.ReplaceRecord(t.Context(), key, record.ETag, []byte("second")); err != nil || etag == "" ||
				etag == record.ETag {
				t.Errorf("ReplaceRecord: got %s, %v, want a new ETag", etag, err)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
