package bucket

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

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

// TestBareETags: a store that refuses quoted ETags, as Ceph RGW 16, is found out by one refused write. An outdated ETag
// stays refused.
func TestBareETags(t *testing.T) {
	target, key := storetest.Open(t), "jobs/test/"+uuid.NewString()
	var refused atomic.Int32
	target.AWS.HTTPClient = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		if strings.HasPrefix(r.Header.Get("If-Match"), `"`) {
			refused.Add(1)
			return respond(http.StatusPreconditionFailed, "PreconditionFailed")(r)
		}
		return http.DefaultTransport.RoundTrip(r)
	})}
	b, err := Open(t.Context(), Options{Name: target.Bucket, AWS: target.AWS, PathStyle: target.PathStyle})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.CreateRecord(t.Context(), key, []byte("1")); err != nil {
		t.Fatal(err)
	}
	first, err := b.ReadRecord(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.ReplaceRecord(t.Context(), key, `"another"`, []byte("x")); !errors.Is(err, ErrChanged) {
		t.Errorf("a wrong ETag at first: got %v, want ErrChanged", err)
	}
	second, err := b.ReplaceRecord(t.Context(), key, first.ETag, []byte("2"))
	if err != nil {
		t.Fatalf("the right ETag: %v", err)
	}
	if _, err := b.ReplaceRecord(t.Context(), key, first.ETag, []byte("x")); !errors.Is(err, ErrChanged) {
		t.Errorf("an outdated ETag: got %v, want ErrChanged", err)
	}
	if _, err := b.ReplaceRecord(t.Context(), key, second, []byte("3")); err != nil || !b.WantsBareETags() {
		t.Errorf("the next ETag: got %v, bare ETags %v", err, b.WantsBareETags())
	}
	if n := refused.Load(); n != 2 {
		t.Errorf("got %d refused writes, want 2", n)
	}
}

// TestSlowConcurrentWrites: SeaweedFS locks a key while it writes it, and asks once a second whether it is free. Even
// then, concurrent writes of a record by one server end within the time of a call.
func TestSlowConcurrentWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var locked atomic.Bool
		w := &fakeStore{answer: func(r *http.Request) (*http.Response, error) {
			for !locked.CompareAndSwap(false, true) {
				select {
				case <-time.After(time.Second):
				case <-r.Context().Done():
					return nil, r.Context().Err()
				}
			}
			time.Sleep(10 * time.Millisecond)
			locked.Store(false)
			return respond(http.StatusOK, "")(r)
		}}
		b, _ := openFake(t, w, static())
		var writers sync.WaitGroup
		for range 50 {
			writers.Go(func() {
				if _, err := b.ReplaceRecord(t.Context(), "jobs/1", `"1"`, nil); err != nil {
					t.Error(err)
				}
			})
		}
		writers.Wait()
	})
}

// transport is an http.RoundTripper.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
