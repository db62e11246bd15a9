package imports

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// publishing returns a service that keeps the events it publishes.
func publishing(t *testing.T) (*Service, *published) {
	s, a := server(t, nil), &published{}
	s.Publish = a.publish
	return s, a
}

// published are the jobs of published events, and those whose records name the event.
type published struct {
	mu             sync.Mutex
	jobs, recorded []Job
}

func (a *published) publish(_ context.Context, j Job) (string, func(), error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.jobs = append(a.jobs, j)
	return fmt.Sprintf("event %d", len(a.jobs)), func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.recorded = append(a.recorded, j)
	}, nil
}

// statuses returns the statuses of the recorded jobs, in order.
func (a *published) statuses() (all []Status) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, j := range a.recorded {
		all = append(all, j.Status)
	}
	return all
}

// TestHandleObjectCreated: each notification inspects the import, and each change is published once.
func TestHandleObjectCreated(t *testing.T) {
	five := int64(5)
	for _, c := range []struct {
		name string
		play func(t *testing.T, s *Service, store ownerStore) (key string)
		want []Status // after two notifications
	}{
		{"an import", func(t *testing.T, s *Service, store ownerStore) string {
			return store.createUploaded(t, s, Request{}, hello).Key()
		},
			[]Status{Completed}},
		{"one that was read before", func(t *testing.T, s *Service, store ownerStore) string {
			j := store.createUploaded(t, s, Request{}, hello)
			store.checkStatus(t, s, j.ID, Completed)
			return j.Key()
		}, []Status{Completed}},
		{"one that is not what was declared", func(t *testing.T, s *Service, store ownerStore) string {
			return store.createUploaded(t, s, Request{Size: &five}, hello).Key()
		}, []Status{Failed}},
		{"a replaced object", func(t *testing.T, s *Service, store ownerStore) string {
			j := store.createUploaded(t, s, Request{}, hello)
			store.checkStatus(t, s, j.ID, Completed)
			store.put(t, j.ID, []byte("another"))
			return j.Key()
		}, []Status{Completed, Completed}},
		{"an equal object in its place", func(t *testing.T, s *Service, store ownerStore) string {
			j := store.createUploaded(t, s, Request{}, hello)
			store.checkStatus(t, s, j.ID, Completed)
			store.put(t, j.ID, hello)
			return j.Key()
		}, []Status{Completed}},
		{"an object after the deletion", func(t *testing.T, s *Service, store ownerStore) string {
			j := store.createUploaded(t, s, Request{}, hello)
			if err := s.Delete(t.Context(), store.owner, j.ID); err != nil {
				t.Fatal(err)
			}
			store.put(t, j.ID, hello)
			return j.Key()
		}, []Status{Aborted}},
		{"nothing there yet", func(t *testing.T, s *Service, store ownerStore) string {
			j, err := s.Create(t.Context(), store.owner, Request{}, "")
			if err != nil {
				t.Fatal(err)
			}
			return j.Key()
		}, nil},
		{"a late object", func(t *testing.T, s *Service, store ownerStore) string {
			j, err := s.Create(t.Context(), store.owner, Request{}, "")
			if err != nil {
				t.Fatal(err)
			}
			store.checkStatus(t, later(s, 2*time.Hour), j.ID, Expired)
			store.put(t, j.ID, hello)
			return j.Key()
		}, []Status{Expired, Completed}},
		{"an untracked import, each time", func(t *testing.T, s *Service, store ownerStore) string {
			id := newID(time.Now())
			store.put(t, id, hello)
			return objectKey(store.owner, id)
		}, []Status{Completed, Completed}},
		{"an untracked import whose object is gone", func(t *testing.T, s *Service, store ownerStore) string {
			id := newID(time.Now())
			return objectKey(store.owner, id)
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, a := publishing(t)
			store := newOwnerStore(t)
			key := c.play(t, s, store)
			for range 2 {
				if err := s.HandleObjectCreated(t.Context(), key); err != nil {
					t.Errorf("notification about %s: %v", key, err)
				}
			}
			if got := a.statuses(); !slices.Equal(got, c.want) {
				t.Errorf("published: got %v, want %v", got, c.want)
			}
			id := key[strings.LastIndexByte(key, '/')+1:]
			if c.want != nil && c.want[len(c.want)-1] == Aborted && store.object(t, id) != nil {
				t.Error("the object of a deleted import is there")
			}
		})
	}
}

// createUploaded creates an import of one request and stores its object.
func (store ownerStore) createUploaded(t *testing.T, s *Service, r Request, content []byte) Job {
	t.Helper()
	j, err := s.Create(t.Context(), store.owner, r, "")
	if err != nil {
		t.Fatal(err)
	}
	store.put(t, j.ID, content)
	return j
}

// checkStatus reads an import and requires this status.
func (store ownerStore) checkStatus(t *testing.T, s *Service, id string, want Status) {
	t.Helper()
	if j, err := s.Read(t.Context(), store.owner, id); err != nil || j.Status != want {
		t.Errorf("read: got %s, %v, want %s", j.Status, err, want)
	}
}

// TestObjectCreatedOtherKeys: a notification about a key of no import sends no request to the store.
func TestObjectCreatedOtherKeys(t *testing.T) {
	w := &wire{}
	s, a := server(t, w), &published{}
	s.Publish = a.publish
	const id = "0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55"
	for _, key := range []string{
		"", "/", "x", "imports", "imports/", "imports/x", "imports/" + id, "imports//" + id,
		"imports/o/", "imports/o/x", "imports/o/p/" + id, "/imports/o/" + id,
		"imports/o/" + strings.ToUpper(id), "imports/o/" + id + "/", "imports/o/" + id + ".json", "jobs/o/" + id,
		"idem/o/" + id,
		"outbox/dead/" + id, "Imports/o/" + id,
	} {
		if err := s.HandleObjectCreated(t.Context(), key); err != nil {
			t.Errorf("notification about %q: %v", key, err)
		}
	}
	if w.sent() > 0 || len(a.jobs) > 0 {
		t.Errorf("sent %d requests and published %v, want none", w.sent(), a.jobs)
	}
}

// TestDeletedTwice: a repeated deletion is published once, and the record keeps the event's ID.
func TestDeletedTwice(t *testing.T) {
	s, a := publishing(t)
	store := newOwnerStore(t)
	j := store.createUploaded(t, s, Request{}, hello)
	for n := range 3 {
		if err := s.Delete(t.Context(), store.owner, j.ID); err != nil {
			t.Fatal(err)
		}
		if got, err := s.load(t.Context(), store.owner, j.ID); err != nil || got.EventID != "event 1" || len(a.jobs) != 1 {
			t.Errorf("deletion %d: the record names %q, %v, and %d events were published, want the first and one", n+1,
				got.EventID, err, len(a.jobs))
		}
	}
}

// TestVerdict: an event is compared with the record.
func TestVerdict(t *testing.T) {
	job := func(status Status, etag, event string) Job {
		j := Job{Status: status, EventID: event}
		if etag != "" {
			j.Object = &Object{ETag: etag}
		}
		return j
	}
	completed := Event{ID: "n", Status: Completed, ETag: "e"}
	for _, c := range []struct {
		name  string
		job   Job
		event Event
		want  Verdict
	}{
		{"named", job(Completed, "e", "n"), completed, Confirmed},
		{"named, in another state", job(Expired, "", "n"), completed, Confirmed},
		{"open", job(AwaitingUpload, "", ""), completed, Pending},
		{"uploading", job(Uploading, "", ""), completed, Pending},
		{"same state, another event", job(Completed, "e", "m"), completed, Rejected},
		{"same state, no event", job(Completed, "e", ""), completed, Rejected},
		{"of another object", job(Completed, "f", "m"), completed, Pending},
		{"failed", job(Failed, "e", "m"), completed, Pending},
		{"expired", job(Expired, "", "m"), completed, Pending},
		{"aborted", job(Aborted, "", "m"), completed, Rejected},
		{"aborted, another event", job(Aborted, "", "m"), Event{ID: "n", Status: Aborted}, Rejected},
		{"aborted, this event", job(Aborted, "", "n"), Event{ID: "n", Status: Aborted}, Confirmed},
		{"expired, another event", job(Expired, "", "m"), Event{ID: "n", Status: Expired}, Rejected},
		{"completed after it had expired", job(Completed, "e", "m"), Event{ID: "n", Status: Expired}, Pending},
	} {
		if got := c.job.verdict(c.event); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}

// TestConfirm: a final verdict is read from the store and fences writes in progress.
func TestConfirm(t *testing.T) {
	s := server(t, nil)
	store := newOwnerStore(t)
	open, err := s.Create(t.Context(), store.owner, Request{}, "")
	if err != nil {
		t.Fatal(err)
	}
	before, err := s.load(t.Context(), store.owner, open.ID)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(doing string, e Event, final bool, want Verdict) {
		t.Helper()
		if got, err := s.Confirm(t.Context(), e, final); got != want || err != nil {
			t.Errorf("%s: got %d, %v, want %d", doing, got, err, want)
		}
	}
	e := Event{ID: "n", Owner: store.owner, ImportID: open.ID, Status: Completed, ETag: `"e"`}
	ask("of an open import", e, false, Pending)
	if got, err := s.load(t.Context(), store.owner, open.ID); err != nil || got.recordETag != before.recordETag {
		t.Errorf("the record was written, %v, want no more than asked", err)
	}
	ask("of an open import, final", e, true, Rejected)
	next := before
	next.Status, next.EventID = Expired, "late"
	if _, err := s.store(t.Context(), before, next); err == nil {
		t.Error("a write that was in progress is not fenced")
	}
	store.checkStatus(t, s, open.ID, AwaitingUpload)

	store.put(t, open.ID, hello)
	e.ETag = `"` + helloMD5 + `"`
	ask("of an import in that state, unrecorded, final", e, true, Rejected)
	store.checkStatus(t, s, open.ID, Completed)
	e.ImportID = "0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55"
	ask("of no import", e, false, Rejected)
	e.ImportID = "../x"
	ask("of no id", e, true, Rejected)
}

// helloMD5 is the MD5 of hello, from which a store makes the ETag.
const helloMD5 = "cdae5a006da7601f4ecb89d98b19b881"
