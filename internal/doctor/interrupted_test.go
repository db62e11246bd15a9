package doctor

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/localstore"
)

// TestExamineInterrupted: a check that is canceled at any request leaves nothing in the bucket, whether its store has
// handled that request or handles it later. Short tests cancel at some requests only.
func TestExamineInterrupted(t *testing.T) {
	store := startStore(t)
	step := int64(1)
	if testing.Short() {
		step = 4
	}
	for _, c := range checks[4:] {
		if c.name == "signing rights" { // sends nothing without signing credentials
			continue
		}
		selected := selectChecks("credentials", "bucket", c.name)
		total := countRequests(t, store, selected)
		if total < 2 {
			t.Fatalf("%s: got %d requests, want one after that of the bucket", c.name, total)
		}
		for at := int64(2); at <= total; at += step {
			interrupt(t, store, selected, at, false)
			interrupt(t, store, selected, at, true)
		}
	}
	expectEmptyBucket(t, store)
}

func countRequests(t *testing.T, store *localstore.Store, selected []check) int64 {
	var total atomic.Int64
	settings := store.AWSConfig()
	settings.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
		total.Add(1)
		return http.DefaultClient.Do(r)
	})
	examineChecks(t, t.Context(), testOptions(store), settings, selected)
	return total.Load()
}

// interrupt cancels checks at one of their requests. If late, the store handles it a moment later.
func interrupt(t *testing.T, store *localstore.Store, selected []check, at int64, late bool) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var count atomic.Int64
	handle := sync.OnceFunc(func() {})
	settings := store.AWSConfig()
	settings.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
		if count.Add(1) != at { // also a concurrent request ends before the examination does
			return http.DefaultClient.Do(r.WithContext(context.WithoutCancel(r.Context())))
		}
		request := detach(t, r)
		handle = sync.OnceFunc(func() {
			if response, err := http.DefaultClient.Do(request); err == nil {
				response.Body.Close()
			}
		})
		if !late {
			handle()
		}
		cancel()
		return nil, context.Canceled
	})
	o := testOptions(store)
	o.sleep = func(time.Duration) { handle() }
	found := examineChecks(t, ctx, o, settings, selected)
	handle()
	if ctx.Err() == nil {
		t.Errorf("%s: got no request %d", selected[2].name, at)
	}
	for check, f := range found {
		if f.Mark == Fail {
			t.Errorf("%s, interrupted at request %d: got %+v, want no failure", check, at, f)
		}
	}
}

// detach returns a copy of r that does not end with its context.
func detach(t *testing.T, r *http.Request) *http.Request {
	copied := r.Clone(t.Context())
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		copied.Body = io.NopCloser(bytes.NewReader(body))
	}
	return copied
}
