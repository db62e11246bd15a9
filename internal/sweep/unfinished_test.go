package sweep

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/s3limits"
)

// orphanKey is the object key of an upload without a record.
const orphanKey = "imports/o/01a204b9-f71a-70fa-afcc-c06741427d4a"

// TestEachAgeFinishes: interrupted sweeps finish the inspection at every age, although time passes and each sweep
// begins with the imports that have reached the first age meanwhile.
func TestEachAgeFinishes(t *testing.T) {
	w := newWorld(t)
	w.overdue(30, "a")
	w.pass(48 * time.Hour)
	created := w.now().Add(-50 * time.Hour)
	for range 120 {
		ctx, cancel := context.WithCancel(t.Context())
		var reads atomic.Int32
		_ = w.server(&wire{on: func(_ int, kind string) fault {
			if kind == "GET jobs" {
				reads.Add(1)
			}
			if reads.Load() > 8 {
				cancel()
				return dead
			}
			return nil
		}}).RunDue(ctx)
		cancel()
		w.pass(2 * time.Minute)
	}
	for n, settled := range w.lease().InspectedUntil {
		if settled.Before(created) {
			t.Errorf("imports of age %d are inspected until %s, want all until %s", n, settled, created)
		}
	}
}

// answering is a store that answers the concerned requests with status.
func answering(status int, code string, concerned func(*http.Request) bool) *wire {
	return &wire{on: func(int, string) fault {
		return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
			if !concerned(r) {
				return next.RoundTrip(r)
			}
			if r.Body != nil {
				r.Body.Close()
			}
			body := "<Error><Code>" + code + "</Code></Error>"
			return &http.Response{
				Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
				Header: http.Header{"Content-Type": {"application/xml"}}, Body: io.NopCloser(bytes.NewReader([]byte(body))),
			}, nil
		}
	}}
}

// TestUnreadable: a record or an upload that the store never returns is reported and skipped. All others are swept.
func TestUnreadable(t *testing.T) {
	for name, concerned := range map[string]func(r *http.Request, j imports.Job) bool{
		"record": func(r *http.Request, j imports.Job) bool { return strings.HasSuffix(r.URL.Path, j.ID+".json") },
		"object": func(r *http.Request, j imports.Job) bool {
			return r.Method == "HEAD" && strings.HasSuffix(r.URL.Path, j.ID)
		},
		"upload": func(r *http.Request, _ imports.Job) bool {
			return r.Method == "DELETE" && strings.HasSuffix(r.URL.Path, orphanKey)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			older := w.create(imports.Request{})
			stuck := w.create(imports.Request{})
			w.orphan(orphanKey)
			w.orphan("imports/p/01a204b9-f71a-70fa-afcc-c06741427d4a")
			w.pass(2 * time.Hour)
			s := w.server(answering(503, "SlowDown", func(r *http.Request) bool { return concerned(r, stuck) }))
			w.put(leaseKey, encoded(t, state{marks: marks{Page: 4}}))
			r, err := s.RunOnce(t.Context())
			if err != nil || len(r.Imports.Failed)+len(r.Uploads.Failed) == 0 {
				t.Errorf("sweep: got %+v, %v, want one reported", r, err)
			}
			if got := w.status(older); got != imports.Expired {
				t.Errorf("the other import: got %s, want expired", got)
			}
			if left := w.uploads(); left != len(r.Uploads.Failed) {
				t.Errorf("%d uploads are left, want the %d reported", left, len(r.Uploads.Failed))
			}
			if w.lease().SweptAt.IsZero() {
				t.Error("the sweep has not finished")
			}
		})
	}
}

// TestUploadsDespiteImports: orphaned uploads are aborted although imports cannot be listed.
func TestUploadsDespiteImports(t *testing.T) {
	w := newWorld(t)
	w.orphan(orphanKey)
	w.pass(2 * time.Hour)
	s := w.server(answering(503, "SlowDown", func(r *http.Request) bool { return r.URL.Query().Get("prefix") == "jobs/" }))
	if err := s.RunDue(t.Context()); err == nil {
		t.Error("Due: got no error, want the store's")
	}
	if left := w.uploads(); left != 0 {
		t.Errorf("%d uploads are left, want 0", left)
	}
	if !w.lease().SweptAt.IsZero() {
		t.Error("the sweep counts as finished")
	}
}

// TestShortDeadline: a sweep also works with a deadline that is shorter than the margin.
func TestShortDeadline(t *testing.T) {
	w := newWorld(t)
	j := w.create(imports.Request{})
	w.pass(2 * time.Hour)
	for range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		if err := w.server(nil).RunDue(ctx); err != nil {
			t.Errorf("Due: %v", err)
		}
		cancel()
		w.pass(2 * time.Minute)
		if w.status(j) == imports.Expired {
			return
		}
	}
	t.Error("ten sweeps of three seconds did not expire one import")
}

// TestCursorOfFastClock: a server whose clock was ahead was interrupted. Other servers expire the imports that were
// overdue only by that clock in time.
func TestCursorOfFastClock(t *testing.T) {
	w := newWorld(t)
	j := w.create(imports.Request{})
	w.pass(45 * time.Minute)
	fast := state{marks: marks{InspectedUntil: [inspections]time.Time{w.now().Add(-2 * time.Hour).UTC()}}}
	fast.Cursors[0].Until = w.now().Add(-30 * time.Minute).UTC()
	w.put(leaseKey, encoded(t, fast))
	for range 2 {
		if err := w.server(nil).RunDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.pass(20 * time.Minute)
	}
	if got := w.status(j); got != imports.Expired {
		t.Errorf("65 minutes after its creation: the record says %q, want expired", got)
	}
}

// TestStrangeProgress: with any progress in the lease object, a sweep finishes and inspects everything.
func TestStrangeProgress(t *testing.T) {
	past := time.Unix(0, 0).UTC()
	for name, m := range map[string]marks{
		"a page larger than a listing": {Page: 1 << 40},
		"a negative page":              {Page: -1},
		"a cursor before the marks": {InspectedUntil: [inspections]time.Time{past.Add(time.Hour)},
			Cursors: [inspections]cursor{{Until: past, Owner: "z"}}},
		"a cursor in the future": {Cursors: [inspections]cursor{{Until: time.Now().Add(1000 * time.Hour).UTC(),
			Owner: "z"}}},
		"a record of another owner": {Cursors: [inspections]cursor{{Until: past, Owner: "n", Record: "jobs/zz/0"}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			j := w.create(imports.Request{})
			w.pass(2 * time.Hour)
			w.put(leaseKey, encoded(t, state{marks: m}))
			s := w.server(nil)
			if h, err := s.readLease(t.Context()); err != nil || h.Page < 0 || h.Page > s3limits.MaxListed {
				t.Errorf("page: got %d, %v, want 0 to %d", h.Page, err, s3limits.MaxListed)
			}
			if err := s.RunDue(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := w.status(j); got != imports.Expired {
				t.Errorf("the record says %q, want expired", got)
			}
		})
	}
}

// TestConflict: if the store rejects a write of the lease because of a concurrent write, another server has the lease.
// This is no error.
func TestConflict(t *testing.T) {
	w := newWorld(t)
	w.put(leaseKey, encoded(t, state{}))
	s := w.server(answering(409, "ConditionalRequestConflict", func(r *http.Request) bool { return r.Method == "PUT" }))
	if ours, err := s.acquire(t.Context()); ours || err != nil {
		t.Errorf("hold: got %v, %v, want false", ours, err)
	}
}

// TestTakeover stalls a sweeper at each of its requests for longer than its lease. Another one sweeps meanwhile, and
// its saved progress remains.
func TestTakeover(t *testing.T) {
	newWorld(t)
	for n := 1; n <= 25; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.arrived()
			w.begun()
			w.pass(26 * time.Hour)
			var between state
			line := &wire{on: func(seq int, _ string) fault {
				if seq != n {
					return nil
				}
				return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
					w.pass(2 * time.Minute)
					if _, err := w.server(nil).RunOnce(w.Context()); err != nil {
						w.Errorf("the other sweep: %v", err)
					}
					between = w.lease()
					return next.RoundTrip(r)
				}
			}}
			_, _ = w.server(line).RunOnce(t.Context())
			after := w.lease()
			for i := range after.InspectedUntil {
				if after.InspectedUntil[i].Before(between.InspectedUntil[i]) {
					t.Errorf(
						"age %d: settled until %s, want no earlier than %s",
						i,
						after.InspectedUntil[i],
						between.InspectedUntil[i],
					)
				}
			}
			if after.SweptAt.Before(between.SweptAt) || line.sent < n {
				t.Errorf("after %d requests: got %+v, want at least %+v", line.sent, after, between)
			}
			w.pass(3 * time.Minute)
			w.sweptBy(w.server(nil))
			w.expect("completed", "expired")
		})
	}
}

func encoded(t *testing.T, st state) []byte {
	t.Helper()
	body, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	return body
}
