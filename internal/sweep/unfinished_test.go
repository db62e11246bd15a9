package sweep

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/s3limits"
	"github.com/signpost-s3/signpost/internal/testing/world"
)

// orphanKey is the object key of an upload without a record.
const orphanKey = "imports/o/01a204b9-f71a-70fa-afcc-c06741427d4a"

// TestEachAgeFinishes: interrupted sweeps finish the inspection at every age, although time passes and each sweep
// begins with the imports that have reached the first age meanwhile.
func TestEachAgeFinishes(t *testing.T) {
	w := newCluster(t)
	w.overdue(30, "a")
	w.Advance(48 * time.Hour)
	created := w.Now().Add(-50 * time.Hour)
	for range 120 {
		ctx, cancel := context.WithCancel(t.Context())
		var reads atomic.Int32
		_ = w.server(&world.Wire{OnRequest: func(_ int, kind string) world.Fault {
			if kind == "GET jobs" {
				reads.Add(1)
			}
			if reads.Load() > 8 {
				cancel()
				return world.Killed
			}
			return nil
		}}).RunDue(ctx)
		cancel()
		w.Advance(2 * time.Minute)
	}
	for n, settled := range w.lease().InspectedUntil {
		if settled.Before(created) {
			t.Errorf("imports of age %d are inspected until %s, want all until %s", n, settled, created)
		}
	}
}

// rejecting returns a wire that rejects the matching requests.
func rejecting(status int, code string, matches func(*http.Request) bool) *world.Wire {
	return &world.Wire{OnRequest: func(int, string) world.Fault {
		return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
			if matches(r) {
				return world.Reject(status, code)(r, next)
			}
			return next.RoundTrip(r)
		}
	}}
}

// TestUnreadable: a record or an upload that the store never returns is reported and skipped. All others are swept.
func TestUnreadable(t *testing.T) {
	for name, matches := range map[string]func(r *http.Request, j imports.Job) bool{
		"record": func(r *http.Request, j imports.Job) bool { return strings.HasSuffix(r.URL.Path, j.ID+".json") },
		"object": func(r *http.Request, j imports.Job) bool {
			return r.Method == "HEAD" && strings.HasSuffix(r.URL.Path, j.ID)
		},
		"upload": func(r *http.Request, _ imports.Job) bool {
			return r.Method == "DELETE" && strings.HasSuffix(r.URL.Path, orphanKey)
		},
	} {
		t.Run(name, func(t *testing.T) {
			world.FakeTime(t, func(t *testing.T) {
				w := newCluster(t)
				older := w.Create(imports.Request{})
				stuck := w.Create(imports.Request{})
				w.CreateUpload(orphanKey)
				w.CreateUpload("imports/p/01a204b9-f71a-70fa-afcc-c06741427d4a")
				w.Advance(2 * time.Hour)
				s := w.server(rejecting(503, "SlowDown", func(r *http.Request) bool { return matches(r, stuck) }))
				w.PutJSON(leaseKey, state{marks: marks{Page: 4}})
				r, err := s.RunOnce(t.Context())
				if err != nil || len(r.Imports.Failed)+len(r.Uploads.Failed) == 0 {
					t.Errorf("sweep: got %+v, %v, want one reported", r, err)
				}
				if got := w.status(older); got != imports.Expired {
					t.Errorf("the other import: got %s, want expired", got)
				}
				if left := w.Uploads(); left != len(r.Uploads.Failed) {
					t.Errorf("%d uploads are left, want the %d reported", left, len(r.Uploads.Failed))
				}
				if w.lease().SweptAt.IsZero() {
					t.Error("the sweep has not finished")
				}
			})
		})
	}
}

// TestUploadsDespiteImports: orphaned uploads are aborted although imports cannot be listed.
func TestUploadsDespiteImports(t *testing.T) { world.FakeTime(t, testUploadsDespiteImports) }

func testUploadsDespiteImports(t *testing.T) {
	w := newCluster(t)
	w.CreateUpload(orphanKey)
	w.Advance(2 * time.Hour)
	listsImports := func(r *http.Request) bool { return r.URL.Query().Get("prefix") == "jobs/" }
	s := w.server(rejecting(503, "SlowDown", listsImports))
	if err := s.RunDue(t.Context()); err == nil {
		t.Error("RunDue: got no error, want the store's")
	}
	if left := w.Uploads(); left != 0 {
		t.Errorf("%d uploads are left, want 0", left)
	}
	if !w.lease().SweptAt.IsZero() {
		t.Error("the sweep counts as finished")
	}
}

// TestShortDeadline: a sweep also works with a deadline that is shorter than the margin.
func TestShortDeadline(t *testing.T) {
	w := newCluster(t)
	j := w.Create(imports.Request{})
	w.Advance(2 * time.Hour)
	for range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		if err := w.server(nil).RunDue(ctx); err != nil {
			t.Errorf("RunDue: %v", err)
		}
		cancel()
		w.Advance(2 * time.Minute)
		if w.status(j) == imports.Expired {
			return
		}
	}
	t.Error("ten sweeps of three seconds did not expire one import")
}

// TestCursorOfFastClock: a server whose clock was ahead was interrupted. Other servers expire the imports that were
// overdue only by that clock in time.
func TestCursorOfFastClock(t *testing.T) {
	w := newCluster(t)
	j := w.Create(imports.Request{})
	w.Advance(45 * time.Minute)
	fast := state{marks: marks{InspectedUntil: [inspections]time.Time{w.Now().Add(-2 * time.Hour).UTC()}}}
	for n := range fast.Cursor.Until {
		fast.Cursor.Until[n] = w.Now().Add(-30 * time.Minute).UTC()
	}
	w.PutJSON(leaseKey, fast)
	for range 2 {
		if err := w.server(nil).RunDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.Advance(20 * time.Minute)
	}
	if got := w.status(j); got != imports.Expired {
		t.Errorf("65 minutes after its creation: the record says %q, want expired", got)
	}
}

// untilAll returns the same time for each age.
func untilAll(t time.Time) (all [inspections]time.Time) {
	for n := range all {
		all[n] = t
	}
	return all
}

// TestInvalidProgress: with any progress in the lease object, a sweep finishes and inspects everything.
func TestInvalidProgress(t *testing.T) {
	past := time.Unix(0, 0).UTC()
	for name, m := range map[string]marks{
		"a page larger than a listing": {Page: 1 << 40},
		"a negative page":              {Page: -1},
		"a cursor before the marks": {InspectedUntil: untilAll(past.Add(time.Hour)),
			Cursor: cursor{Until: untilAll(past), Owner: "z"}},
		"a cursor of one age":       {Cursor: cursor{Until: [inspections]time.Time{past}, Owner: "z"}},
		"a cursor in the future":    {Cursor: cursor{Until: untilAll(time.Now().Add(1000 * time.Hour).UTC()), Owner: "z"}},
		"a record of another owner": {Cursor: cursor{Until: untilAll(past), Owner: "n", Record: "jobs/zz/0"}},
		"too many owners":           {Owners: 1 << 62},
		"fewer owners than none":    {Owners: -1, Cursor: cursor{Owners: -1 << 62}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newCluster(t)
			j := w.Create(imports.Request{})
			w.Advance(2 * time.Hour)
			w.PutJSON(leaseKey, state{marks: m})
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
	w := newCluster(t)
	w.PutJSON(leaseKey, state{})
	s := w.server(rejecting(409, "ConditionalRequestConflict", func(r *http.Request) bool { return r.Method == "PUT" }))
	if ours, err := s.tryAcquire(t.Context()); ours || err != nil {
		t.Errorf("acquire: got %v, %v, want false", ours, err)
	}
}
