package sweep

import (
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/world"
)

// TestCost counts the calls to the store in each step of an import, with and without a receiver, as
// cmd/lambda/README.md states them.
func TestCost(t *testing.T) {
	size := int64(len(world.Content))
	accept := make(chan struct{}) // the receiver accepts a delivery
	type step struct {
		name         string
		do           func(w *cluster, s *server, j *imports.Job) error
		withReceiver string // the calls, by operation
		without      string // the calls without a receiver; "-": the same
	}
	create := func(r imports.Request) func(*cluster, *server, *imports.Job) error {
		return func(w *cluster, s *server, j *imports.Job) (err error) {
			*j, err = s.Create(w.Context(), owner, r, "")
			return err
		}
	}
	notification := func(w *cluster, s *server, j *imports.Job) error {
		w.Put(j.Key(), world.Content)
		return s.HandleObjectCreated(w.Context(), j.Key())
	}
	deliver := func(w *cluster, s *server, _ *imports.Job) error {
		if s.box != nil {
			accept <- struct{}{}
			s.box.Wait()
		}
		return nil
	}
	for _, life := range []struct {
		name        string
		immediately bool // delivers immediately
		steps       []step
	}{
		{"untracked", true, []step{
			{"sign", func(w *cluster, s *server, j *imports.Job) error {
				u, err := s.Sign(w.Context(), owner)
				*j = untrackedJob(u.String())
				return err
			}, "", "-"},
			{"notification", notification, "GetObject 1, HeadObject 1, PutObject 1", "GetObject 1"},
			{"deliver", deliver, "DeleteObject 1", ""},
		}},
		{"in one request", true, []step{
			{"create", create(imports.Request{}), "PutObject 1", "-"},
			{"notification", notification,
				"GetObject 1, HeadObject 1, PutObject 2", "GetObject 1, HeadObject 1, PutObject 1"},
			{"deliver", deliver, "DeleteObject 1", ""},
			{"read", func(w *cluster, s *server, j *imports.Job) error {
				_, err := s.Read(w.Context(), owner, j.ID)
				return err
			}, "GetObject 1, HeadObject 1", "-"},
		}},
		{"multipart", true, []step{
			{"create", create(imports.Request{Mode: imports.Multipart, Size: &size}), "CreateMultipartUpload 1, PutObject 1",
				"-"},
			{"sign", func(w *cluster, s *server, j *imports.Job) error {
				_, err := s.SignParts(w.Context(), owner, j.ID, imports.PartsRequest{First: 1, Count: 1})
				w.UploadPart(*j, 1)
				return err
			}, "GetObject 1", "-"},
			{"complete", func(w *cluster, s *server, j *imports.Job) error {
				_, err := s.Complete(w.Context(), owner, j.ID, nil)
				return err
			},
				"CompleteMultipartUpload 1, GetObject 2, HeadObject 1, ListParts 1, PutObject 3",
				"CompleteMultipartUpload 1, GetObject 2, HeadObject 1, ListParts 1, PutObject 2"},
			{"deliver", deliver, "DeleteObject 1", ""},
		}},
		{"deleted", true, []step{
			{"create", create(imports.Request{}), "PutObject 1", "-"},
			{"delete", func(w *cluster, s *server, j *imports.Job) error { return s.Delete(w.Context(), owner, j.ID) },
				"DeleteObject 1, GetObject 1, PutObject 2", "DeleteObject 1, GetObject 1, PutObject 1"},
			{"deliver", deliver, "DeleteObject 1", ""},
		}},
		{"delivered by a sweep", false, []step{
			{"create", create(imports.Request{}), "PutObject 1", "-"},
			{"notification", notification,
				"GetObject 1, HeadObject 1, PutObject 2", "GetObject 1, HeadObject 1, PutObject 1"},
			{"sweep", func(w *cluster, s *server, _ *imports.Job) error {
				if s.box == nil {
					return nil
				}
				w.Advance(3 * time.Minute)
				_, err := s.box.QueueDue(w.Context(), 10)
				s.box.Wait()
				return err
			}, "DeleteObject 1, GetObject 2, ListObjectsV2 1, PutObject 1", ""},
		}},
	} {
		for _, receiver := range []bool{true, false} {
			w := newCluster(t)
			if life.immediately {
				w.Answer = func(string) error { <-accept; return nil }
			}
			s := w.newServer(nil, life.immediately)
			if !receiver {
				s.box, s.Publish = nil, nil
			}
			var j imports.Job
			for _, step := range life.steps {
				s.wire.TakeCalls()
				if err := step.do(w, s, &j); err != nil {
					t.Fatalf("%s, %s: %v", life.name, step.name, err)
				}
				want := step.withReceiver
				if !receiver && step.without != "-" {
					want = step.without
				}
				if got := s.wire.TakeCalls(); got != want {
					t.Errorf("%s, %s, receiver %v: got %q, want %q", life.name, step.name, receiver, got, want)
				}
			}
		}
	}
}

// TestIdleCost counts the calls of a sweeper without work, in a bucket of one owner.
func TestIdleCost(t *testing.T) {
	w := newCluster(t)
	w.Create(imports.Request{})
	s := w.server(nil)
	if _, err := s.RunOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		do   func() error
		want string
	}{
		{"acquire the lease", func() error { _, err := s.acquire(t.Context()); return err }, "GetObject 1, PutObject 1"},
		{"have it", func() error { _, err := s.acquire(t.Context()); return err }, ""},
		{"renew it, each half minute", func() error {
			w.Advance(31 * time.Second)
			_, err := s.acquire(t.Context())
			return err
		}, "PutObject 1"},
		{"list the outbox, each 5 s", func() error { return s.queueDue(t.Context(), state{}) }, "ListObjectsV2 1"},
		{"check whether a sweep is due, each minute", func() error { return sweepDue(s) }, ""},
		{"sweep, each 10 minutes", func() error {
			w.Advance(29 * time.Second)
			st, err := s.acquire(t.Context())
			if err == nil {
				_, err = s.sweep(t.Context(), st.marks)
			}
			return err
		}, "ListMultipartUploads 2, ListObjectsV2 2, PutObject 1"}, // Amazon S3 needs one: it lists prefixes
		{"another server without the lease", func() error {
			_, err := w.other(s).tryAcquire(t.Context())
			return err
		}, "GetObject 1"},
	} {
		s.wire.TakeCalls()
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := s.wire.TakeCalls(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// other returns another server whose calls are counted together with those of s.
func (w *cluster) other(s *server) *Sweeper {
	return &Sweeper{Bucket: s.Sweeper.Bucket, Imports: s.Imports, Outbox: s.box, Holder: "other", Now: w.Now, Log: s.Log}
}
