package sweep

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/world"
)

// TestAbortOrphans: orphaned uploads are aborted, and no others.
func TestAbortOrphans(t *testing.T) {
	size := int64(len(world.Content))
	request := imports.Request{Mode: imports.Multipart, Size: &size}
	for _, c := range []struct {
		name    string
		prepare func(w *cluster)
		later   time.Duration
		left    int
		events  []string
	}{
		{"fresh", func(w *cluster) { w.CreateMultipart() }, time.Minute, 1, nil},
		{"near its deadline", func(w *cluster) { w.CreateMultipart() }, 23 * time.Hour, 1, nil},
		{"overdue", func(w *cluster) { w.CreateMultipart() }, 24*time.Hour + time.Minute, 0, []string{"expired"}},
		{"without a record, young", func(w *cluster) { w.CreateUpload(orphanKey) }, 50 * time.Minute, 1, nil},
		{"without a record", func(w *cluster) { w.CreateUpload(orphanKey) }, 61 * time.Minute, 0, nil},
		{"of an import with another upload", func(w *cluster) { w.CreateUpload(w.CreateMultipart().Key()) },
			61 * time.Minute, 1, nil},
		{"of an import in one request", func(w *cluster) { w.CreateUpload(w.CreateUploaded().Key()) }, 61 * time.Minute, 0,
			[]string{"completed"}},
		{"of other programs", func(w *cluster) {
			for _, key := range []string{"x", "jobs/o/x", "imports/x", "imports/o/x",
				"imports/o/p/01a204b9-f71a-70fa-afcc-c06741427d4a", "imports/o/01A204B9-F71A-70FA-AFCC-C06741427D4A"} {
				w.CreateUpload(key)
			}
		}, 1000 * time.Hour, 6, nil},
		{"of a deleted import whose server was killed", func(w *cluster) {
			j := w.Create(request)
			s := w.server(&world.Wire{OnRequest: func(_ int, kind string) world.Fault {
				if kind == "DELETE imports" {
					return world.Killed
				}
				return nil
			}})
			_ = s.Delete(context.Background(), owner, j.ID)
		}, 4 * time.Minute, 0, []string{"aborted"}},
		{"of an import whose object was put", func(w *cluster) { w.Put(w.CreateMultipart().Key(), world.Content) },
			25 * time.Hour, 0, []string{"completed"}},
		{"of an import whose server was killed while it completed it", func(w *cluster) { w.completing() },
			6 * time.Minute, 0, []string{"completed"}},
		{"of an import that a server may be completing", func(w *cluster) { w.completing() }, 4 * time.Minute, 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newCluster(t)
			c.prepare(w)
			w.Advance(c.later)
			s := w.server(nil)
			for range 2 {
				r, err := s.RunOnce(t.Context())
				if err != nil || len(r.Uploads.Failed)+len(r.Imports.Failed) > 0 {
					t.Errorf("sweep: got %+v, %v", r, err)
				}
				if left := w.Uploads(); left != c.left {
					t.Errorf("%d uploads are left, want %d", left, c.left)
				}
			}
			w.expect(c.events...)
		})
	}
}

// completing returns an import whose server was killed after it had recorded that it completes the import.
func (w *cluster) completing() {
	j := w.CreateMultipart()
	s := w.server(&world.Wire{OnRequest: func(_ int, kind string) world.Fault {
		if kind == "POST imports" {
			return world.Killed
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
	w := newCluster(t)
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
				if _, err := w.Client.CreateMultipartUpload(t.Context(),
					&s3.CreateMultipartUploadInput{Bucket: &w.Target.Bucket, Key: &key}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	w.Advance(2 * time.Hour)
	if r, err := w.server(nil).RunOnce(t.Context()); err != nil || r.Uploads.Terminated != many ||
		r.Uploads.Inspected != many {
		t.Errorf("sweep: got %d of %d, %v, want %d", r.Uploads.Terminated, r.Uploads.Inspected, err, many)
	}
	if left := w.Uploads(); left != 0 {
		t.Errorf("%d uploads are left", left)
	}
}
