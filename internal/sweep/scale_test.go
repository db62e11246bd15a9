package sweep

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/world"
)

// finished stores records of n completed imports of owner, as the service records them, and objects if a test reads
// them. The first is created at newest, and each further one a step earlier.
func (w *cluster) finished(owner string, n int, newest time.Time, step time.Duration, objects bool) (ids []string) {
	w.Helper()
	s := w.Service(nil)
	j, err := s.Create(w.Context(), owner, imports.Request{Filename: "report.csv"}, "")
	if err != nil {
		w.Fatal(err)
	}
	w.Put(j.Key(), world.Content)
	if j, err = s.Read(w.Context(), owner, j.ID); err != nil || j.Status != imports.Completed {
		w.Fatalf("read: got %s, %v, want completed", j.Status, err)
	}
	record, err := s.Bucket.ReadRecord(w.Context(), j.RecordKey())
	if err != nil {
		w.Fatal(err)
	}
	w.removeKeys(j.Key(), j.RecordKey())
	var copies errgroup.Group
	copies.SetLimit(8)
	for i := range n {
		ids = append(ids, idAt(newest.Add(-time.Duration(i)*step), i))
		copied := imports.Job{ID: ids[i], Owner: owner}
		copies.Go(func() error {
			if objects {
				w.Put(copied.Key(), world.Content)
			}
			body := bytes.ReplaceAll(record.Body, []byte(j.ID), []byte(copied.ID))
			return s.Bucket.CreateRecord(w.Context(), copied.RecordKey(), body)
		})
	}
	if err := copies.Wait(); err != nil {
		w.Fatal(err)
	}
	return ids
}

// idAt returns the ID of an import that was created at that time.
func idAt(at time.Time, n int) string {
	digits := fmt.Sprintf("%012x7%03x8000%012x", at.UnixMilli(), n&0xfff, n)
	return strings.Join([]string{digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]}, "-")
}

func (w *cluster) removeKeys(keys ...string) {
	w.Helper()
	for _, key := range keys {
		in := &s3.DeleteObjectInput{Bucket: &w.Target.Bucket, Key: &key}
		if _, err := w.Client.DeleteObject(w.Context(), in); err != nil {
			w.Fatal(err)
		}
	}
}

// TestFinishedCost: a sweep lists finished imports and reads none of them. It finds the few that are not finished, and
// those whose records an earlier version wrote.
func TestFinishedCost(t *testing.T) {
	const many = 5000
	w := newCluster(t)
	late := w.Create(imports.Request{})
	uploaded := w.CreateUploaded()
	w.Advance(30 * 24 * time.Hour)
	ids := w.finished(owner, many, w.Now().Add(-10*24*time.Hour), time.Minute, false)
	earlier := imports.Job{ID: ids[many/2], Owner: owner} // of a version that did not mark records
	var j imports.Job
	w.ReadJSON(earlier.RecordKey(), &j)
	w.PutJSON(earlier.RecordKey(), j)

	s := w.server(nil)
	r, err := s.RunOnce(t.Context())
	if err != nil || r.Imports.Inspected != many+2 || r.Imports.Terminated != 2 || r.Imports.Failures > 0 {
		t.Errorf("sweep: got %+v, %v, want %d inspected and 2 terminated", r.Imports, err, many+2)
	}
	// Two calls for late and uploaded besides their inspection; the outbox has their events.
	const want = "DeleteObject 2, GetObject 11, HeadObject 2, ListMultipartUploads 2, ListObjectsV2 8, PutObject 9"
	if got := s.wire.TakeCalls(); got != want {
		t.Errorf("sweep of %d imports: got %s, want %s", many, got, want)
	}
	for key, want := range map[string]imports.Status{
		late.RecordKey(): imports.Expired, uploaded.RecordKey(): imports.Completed,
	} {
		if w.ReadJSON(key, &j); j.Status != want {
			t.Errorf("%s: got %q, want %s", key, j.Status, want)
		}
	}
	w.expect("completed", "expired")
}

// TestUnknownSizes: imports are inspected although the store lists records without their sizes.
func TestUnknownSizes(t *testing.T) {
	w := newCluster(t)
	w.overdue(3, owner)
	s := w.server(&world.Wire{OnRequest: func(int, string) world.Fault {
		return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
			response, err := next.RoundTrip(r)
			if err != nil || r.URL.Query().Get("list-type") == "" {
				return response, err
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if !bytes.Contains(body, []byte("<Size>")) && bytes.Contains(body, []byte(".json")) {
				t.Errorf("the list %s has no sizes to remove", body)
			}
			body = regexp.MustCompile(`<Size>\d+</Size>`).ReplaceAll(body, nil)
			response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			response.Header.Del("Content-Length")
			return response, err
		}
	}})
	if r, err := s.RunOnce(t.Context()); err != nil || r.Imports.Terminated != 3 {
		t.Errorf("sweep: got %+v, %v, want 3 expired", r.Imports, err)
	}
}

// TestCallsAreFlat: the calls for one import do not depend on the number of imports in the bucket. A page costs two
// lists, wherever it begins, and a GET of each record that this server has not listed before.
func TestCallsAreFlat(t *testing.T) {
	for _, many := range []int{250, 1500} {
		w := newCluster(t)
		ids := w.finished(owner, many, w.Now().Add(-time.Hour), time.Second, true)
		s := w.server(nil)
		var j imports.Job
		list := func(limit int, after string) func() error {
			return func() error {
				jobs, _, err := s.List(t.Context(), owner, imports.Page{Limit: limit, Cursor: after})
				if err == nil && len(jobs) != limit {
					err = fmt.Errorf("got %d imports, want %d", len(jobs), limit)
				}
				return err
			}
		}
		// The first list of a page corrects the times at which the copies were completed, the second one reads the records.
		for _, after := range []string{"", "", ids[many-101], ids[many-101]} {
			if err := list(100, after)(); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			name string
			do   func() error
			want string
		}{
			{"create", func() (err error) {
				j, err = s.Create(t.Context(), owner, imports.Request{}, "")
				return err
			}, "PutObject 1"},
			{"create with a key", func() error {
				_, err := s.Create(t.Context(), owner, imports.Request{}, "a key")
				return err
			}, "PutObject 2"},
			{"read", func() error {
				_, err := s.Read(t.Context(), owner, j.ID)
				return err
			}, "GetObject 1, HeadObject 1"},
			{"the first page of 20", list(20, ""), "GetObject 2, ListObjectsV2 2"}, // the new ones,
			{"the first page of 100", list(100, ""), "ListObjectsV2 2"},
			{"the last page of 20", list(20, ids[many-21]), "ListObjectsV2 2"},
			{"the last page of 100", list(100, ids[many-101]), "ListObjectsV2 2"},
			{"a multipart upload, if they are limited", func() error {
				s.Limits.OpenUploads = 100
				_, err := s.Create(t.Context(), owner, imports.Request{Mode: imports.Multipart}, "")
				return err
			}, "CreateMultipartUpload 1, ListMultipartUploads 2, PutObject 1"}, // Amazon S3 needs one list
		} {
			s.wire.TakeCalls()
			if err := c.do(); err != nil {
				t.Errorf("%d imports, %s: %v", many, c.name, err)
			}
			if got := s.wire.TakeCalls(); got != c.want {
				t.Errorf("%d imports, %s: got %s, want %s", many, c.name, got, c.want)
			}
		}
	}
}

// TestAgesInOneList: a sweep lists an owner with few imports once, and does not list the imports between the ages.
func TestAgesInOneList(t *testing.T) {
	w := newCluster(t)
	s := w.server(nil)
	if _, err := s.RunOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	st := w.lease()
	st.Page = 100
	w.PutJSON(leaseKey, st)
	// Imports are inspected at the age of 1, 24 and 48 hours. This sweep is 10 minutes after the last one.
	started := w.Now()
	w.finished("few", 50, started.Add(5*time.Minute), time.Hour, false)
	w.finished("many", 1000, started.Add(-30*time.Minute-5*time.Second), 200*time.Second, false) // until 56 hours before
	w.Advance(10 * time.Minute)
	s.wire.TakeCalls()
	r, err := s.RunOnce(t.Context())
	if err != nil || r.Imports.Inspected != 3+3*3 {
		t.Errorf("sweep: got %+v, %v, want 1 and 3 imports of each age", r.Imports, err)
	}
	// One of owners, one and three of their imports, and one of the outbox.
	if got := s.wire.TakeCalls(); !strings.Contains(got, "ListObjectsV2 6,") || strings.Contains(got, "HeadObject") {
		t.Errorf("sweep: got %s, want 6 lists of objects, and no import read", got)
	}
}

// TestUploadsInspectedHourly: an upload in progress is inspected in each sweep of its first hour, then once an hour.
func TestUploadsInspectedHourly(t *testing.T) {
	w := newCluster(t)
	w.CreateMultipart()
	s := w.server(nil)
	reads := 0
	s.wire.OnRequest = func(_ int, kind string) world.Fault {
		if kind == "GET jobs" {
			reads++
		}
		return nil
	}
	var perHour []int
	for range 5 {
		before := reads
		for range 6 {
			w.Advance(10 * time.Minute)
			if err := s.RunDue(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		perHour = append(perHour, reads-before)
	}
	// The seventh is the inspection of the import at the age of an hour.
	if want := []int{7, 1, 1, 1, 1}; !slices.Equal(perHour, want) {
		t.Errorf("reads in each hour: got %v, want %v", perHour, want)
	}
}

// TestInterval: sweeps are due every ten minutes, or as rarely as many owners require. A schedule may be early.
func TestInterval(t *testing.T) {
	for _, c := range []struct {
		owners int
		after  time.Duration
		want   bool
	}{
		{0, 9 * time.Minute, false},
		{0, 9*time.Minute + 40*time.Second, true},
		{2400, 9*time.Minute + 30*time.Second, true},
		{24_000, 99 * time.Minute, false},
		{24_000, 100 * time.Minute, true},
		{10_000_000, 23 * time.Hour, false},
		{10_000_000, 24 * time.Hour, true},
	} {
		now := time.Now()
		if got := (marks{SweptAt: now, Owners: c.owners}).isDue(now.Add(c.after)); got != c.want {
			t.Errorf("%d owners, after %s: got due %v, want %v", c.owners, c.after, got, c.want)
		}
	}
	w := newCluster(t)
	w.overdue(1, "a", "b", "c")
	if _, err := w.server(nil).RunOnce(t.Context()); err != nil || w.lease().Owners != 3 {
		t.Errorf("sweep of 3 owners: got %d, %v", w.lease().Owners, err)
	}
}

// TestFailuresAreBounded: a sweep that cannot read any of many records counts them, and keeps few errors.
func TestFailuresAreBounded(t *testing.T) {
	var r imports.Swept
	for range 5 {
		r.Add(imports.Swept{Failed: make([]error, 700), Unavailable: make([]error, 1)})
	}
	if r.Failures != 5*701 || len(r.Failed) != 1000 {
		t.Errorf("got %d failures and %d errors, want 3505 and 1000", r.Failures, len(r.Failed))
	}
}
