package sweep

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/imports"
)

// TestInterruptedSweep kills a sweeper at each of its requests. The next one finishes the work, and each event is
// delivered under one id.
func TestInterruptedSweep(t *testing.T) {
	newWorld(t)
	for _, received := range []bool{false, true} {
		var all sync.WaitGroup
		slots := make(chan struct{}, 6)
		const most = 100
		for n := 1; n <= most; n += 3 {
			all.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				t.Run(fmt.Sprintf("received=%v/%d", received, n), func(t *testing.T) {
					w := newWorld(t)
					w.arrived()
					w.create(imports.Request{})
					w.begun()
					w.pass(26 * time.Hour)
					line := diesAt(n, received)
					_, err := w.server(line).RunOnce(context.Background())
					if err != nil && line.sent < n {
						t.Errorf("sweep: %v after %d requests of %d", err, line.sent, n)
					}
					w.pass(3 * time.Minute)
					w.sweptBy(w.server(nil))
					w.expect("completed", "expired", "expired")
					if n == most && line.sent >= n {
						t.Errorf("%d requests and more: the sweeper was not let live once", n)
					}
					if left := w.uploads(); left != 0 {
						t.Errorf("%d uploads are left", left)
					}
				})
			})
		}
		all.Wait()
	}
}

// TestAbortOrphans: orphaned uploads are aborted, and no others.
func TestAbortOrphans(t *testing.T) {
	size := int64(len(hello))
	request := imports.Request{Mode: imports.Multipart, Size: &size}
	for _, c := range []struct {
		name   string
		prep   func(w *world)
		later  time.Duration
		left   int
		events []string
	}{
		{"fresh", func(w *world) { w.begun() }, time.Minute, 1, nil},
		{"near its deadline", func(w *world) { w.begun() }, 23 * time.Hour, 1, nil},
		{"overdue", func(w *world) { w.begun() }, 24*time.Hour + time.Minute, 0, []string{"expired"}},
		{"without a record, young", func(w *world) { w.orphan("imports/o/01a204b9-f71a-70fa-afcc-c06741427d4a") },
			50 * time.Minute, 1, nil},
		{"without a record", func(w *world) { w.orphan("imports/o/01a204b9-f71a-70fa-afcc-c06741427d4a") },
			61 * time.Minute, 0, nil},
		{"of a twin", func(w *world) { w.orphan(w.begun().Key()) }, 61 * time.Minute, 1, nil},
		{"beside an import in one request", func(w *world) { w.orphan(w.arrived().Key()) }, 61 * time.Minute, 0,
			[]string{"completed"}},
		{"others'", func(w *world) {
			for _, key := range []string{"x", "jobs/o/x", "imports/x", "imports/o/x",
				"imports/o/p/01a204b9-f71a-70fa-afcc-c06741427d4a", "imports/o/01A204B9-F71A-70FA-AFCC-C06741427D4A"} {
				w.orphan(key)
			}
		}, 1000 * time.Hour, 6, nil},
		{"of a deleted one whose server died", func(w *world) {
			j := w.create(request)
			s := w.server(&wire{on: func(_ int, kind string) fault {
				if kind == "DELETE imports" {
					return dead
				}
				return nil
			}})
			_ = s.Delete(context.Background(), owner, j.ID)
		}, 4 * time.Minute, 0, []string{"aborted"}},
		{"of one whose object was put beside it", func(w *world) { w.put(w.begun().Key(), hello) }, 25 * time.Hour, 0,
			[]string{"completed"}},
		{"of a completing server that died", func(w *world) { w.completing() }, 6 * time.Minute, 0, []string{"completed"}},
		{"of a completing server that may live", func(w *world) { w.completing() }, 4 * time.Minute, 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.prep(w)
			w.pass(c.later)
			s := w.server(nil)
			for range 2 {
				r, err := s.RunOnce(t.Context())
				if err != nil || len(r.Uploads.Failed)+len(r.Imports.Failed) > 0 {
					t.Errorf("sweep: got %+v, %v", r, err)
				}
				if left := w.uploads(); left != c.left {
					t.Errorf("%d uploads are left, want %d", left, c.left)
				}
			}
			w.expect(c.events...)
		})
	}
}

// orphan creates a multipart upload that the service did not create.
func (w *world) orphan(key string) {
	w.Helper()
	out, err := w.store.CreateMultipartUpload(w.Context(), &s3.CreateMultipartUploadInput{Bucket: &w.bucket, Key: &key})
	if err != nil {
		w.Fatal(err)
	}
	if _, err := w.store.UploadPart(w.Context(), &s3.UploadPartInput{
		Bucket: &w.bucket, Key: &key, UploadId: out.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader(hello),
	}); err != nil {
		w.Fatal(err)
	}
}

// completing returns an import whose server was killed after it had recorded that it completes the import.
func (w *world) completing() {
	j := w.begun()
	s := w.server(&wire{on: func(_ int, kind string) fault {
		if kind == "POST imports" {
			return dead
		}
		return nil
	}})
	_, _ = s.Complete(context.Background(), owner, j.ID, nil)
}

// TestManyUploads: a sweep inspects more uploads than one page of a listing contains.
func TestManyUploads(t *testing.T) {
	if testing.Short() {
		t.Skip("1,050 uploads")
	}
	w := newWorld(t)
	const many = 1050
	var all sync.WaitGroup
	keys := make(chan string, many)
	for n := range many {
		keys <- fmt.Sprintf("imports/o/01a204b9-f71a-70fa-afcc-%012x", n)
	}
	close(keys)
	for range 8 {
		all.Go(func() {
			for key := range keys {
				if _, err := w.store.CreateMultipartUpload(t.Context(),
					&s3.CreateMultipartUploadInput{Bucket: &w.bucket, Key: &key}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	w.pass(2 * time.Hour)
	if r, err := w.server(nil).RunOnce(t.Context()); err != nil || r.Uploads.Terminated != many ||
		r.Uploads.Inspected != many {
		t.Errorf("sweep: got %d of %d, %v, want %d", r.Uploads.Terminated, r.Uploads.Inspected, err, many)
	}
	if left := w.uploads(); left != 0 {
		t.Errorf("%d uploads are left", left)
	}
}

// TestLateObject: an object that was uploaded after its import expired is found at the next inspection.
func TestLateObject(t *testing.T) {
	w := newWorld(t)
	j := w.create(imports.Request{})
	w.pass(2 * time.Hour)
	s := w.server(nil)
	w.sweptBy(s)
	w.expect("expired")
	w.put(j.Key(), hello) // whose PUT had begun in time
	w.pass(24 * time.Hour)
	w.sweptBy(s)
	w.expect("completed", "expired")
}

// TestLateUpload: an object that was uploaded to an import without an object, after its terminal status, is removed
// when the URL has expired. Objects of completed and untracked imports remain.
func TestLateUpload(t *testing.T) {
	size := int64(len(hello))
	for _, c := range []struct {
		name string
		prep func(w *world) imports.Job
		kept bool
	}{
		{"aborted, in one request", func(w *world) imports.Job {
			j := w.create(imports.Request{})
			w.delete(j)
			return j
		}, false},
		{"aborted multipart", func(w *world) imports.Job {
			j := w.create(imports.Request{Mode: imports.Multipart, Size: &size})
			w.delete(j)
			return j
		}, false},
		{"expired multipart", func(w *world) imports.Job {
			j := w.create(imports.Request{Mode: imports.Multipart, Size: &size})
			w.pass(24*time.Hour + time.Minute)
			w.sweptBy(w.server(nil))
			return j
		}, false},
		{"completed", func(w *world) imports.Job { return w.arrived() }, true},
		{"untracked", func(w *world) imports.Job {
			u, err := w.server(nil).Sign(w.Context(), owner)
			if err != nil {
				w.Fatal(err)
			}
			return w.jobAt(u.String())
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			j := c.prep(w)
			w.put(j.Key(), hello)
			w.pass(2 * time.Hour)
			w.sweptBy(w.server(nil))
			w.put(j.Key(), hello) // began before the URL expired, and took until now
			w.pass(48 * time.Hour)
			w.sweptBy(w.server(nil))
			if kept := len(w.keys(j.Key())) == 1; kept != c.kept {
				t.Errorf("object kept: got %v, want %v", kept, c.kept)
			}
			if n := w.uploads(); n != 0 {
				t.Errorf("%d uploads are left, want 0", n)
			}
		})
	}
}

func (w *world) delete(j imports.Job) {
	w.Helper()
	if err := w.server(nil).Delete(w.Context(), owner, j.ID); err != nil {
		w.Fatal(err)
	}
}
