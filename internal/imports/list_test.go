package imports

import (
	"slices"
	"testing"
	"time"
)

// many creates n single jobs, in order.
func (store ownerStore) many(t *testing.T, n int) []string {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		s := later(server(t, nil), time.Duration(i-n)*time.Second)
		j, err := s.Create(t.Context(), store.owner, Request{}, "")
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = j.ID
	}
	return ids
}

func idsOf(jobs []Job) []string {
	ids := make([]string, len(jobs))
	for i, j := range jobs {
		ids[i] = j.ID
	}
	return ids
}

// TestList pages through an owner's jobs: newest first, each once, only this owner's, with a cost that does not grow
// with their number.
func TestList(t *testing.T) {
	store, other := newOwnerStore(t), newOwnerStore(t)
	want := store.many(t, 250)
	slices.Reverse(want)
	theirs := other.many(t, 20)
	s := server(t, nil)

	var got []string
	pages := 0
	for cursor := ""; pages == 0 || cursor != ""; pages++ {
		jobs, next, err := s.List(t.Context(), store.owner, Page{Limit: 100, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		got, cursor = append(got, idsOf(jobs)...), next
	}
	if pages != 3 || !slices.Equal(got, want) {
		t.Errorf("got %d jobs on %d pages, want the 250 on 3, newest first", len(got), pages)
	}
	if jobs, _, err := s.List(t.Context(), other.owner, Page{Limit: 100}); err != nil || len(jobs) != 20 ||
		slices.ContainsFunc(theirs, func(id string) bool { return !slices.Contains(idsOf(jobs), id) }) {
		t.Errorf("another owner: got %d jobs, %v, want their 20", len(jobs), err)
	}
	if jobs, _, err := s.List(t.Context(), other.owner, Page{Limit: 100, Cursor: want[0]}); err != nil ||
		slices.ContainsFunc(jobs, func(j Job) bool { return j.Owner != other.owner }) {
		t.Errorf("another owner with our cursor: got %d jobs, %v, want none of ours", len(jobs), err)
	}

	for _, c := range []struct {
		store ownerStore
		limit int
		cost  int // one LIST, and record and object of each job
	}{{other, 20, 41}, {store, 20, 41}, {store, 100, 201}} {
		w := &wire{}
		if _, _, err := server(t, w).List(t.Context(), c.store.owner, Page{Limit: c.limit}); err != nil {
			t.Fatal(err)
		}
		if w.sent() != c.cost {
			t.Errorf("a page of %d: got %d requests to the store, want %d", c.limit, w.sent(), c.cost)
		}
	}
}

// TestListStates: a list shows each job as the bucket does, for every status, and filters by it.
func TestListStates(t *testing.T) {
	store, s := newOwnerStore(t), server(t, nil)
	want := map[Status]string{}
	create := func(status Status, r Request) Job {
		t.Helper()
		j, err := s.Create(t.Context(), store.owner, r, "")
		if err != nil {
			t.Fatal(err)
		}
		want[status] = j.ID
		return j
	}
	five := int64(5)
	create(AwaitingUpload, Request{})
	store.put(t, create(Completed, Request{}).ID, hello) // not inspected yet
	store.put(t, create(Failed, Request{Size: &five}).ID, hello)
	create(Expired, Request{ExpiresIn: time.Second})
	if err := s.Delete(t.Context(), store.owner, create(Aborted, Request{}).ID); err != nil {
		t.Fatal(err)
	}
	if err := store.part(t, create(Uploading, Request{Mode: Multipart, Size: &five}), 1, hello[:5]); err != nil {
		t.Fatal(err)
	}
	s = later(s, time.Minute)
	for _, status := range []Status{AwaitingUpload, Uploading, Completed, Failed, Expired, Aborted} {
		jobs, next, err := s.List(t.Context(), store.owner, Page{Status: status})
		if err != nil || next != "" || len(jobs) != 1 || jobs[0].ID != want[status] || jobs[0].Status != status {
			t.Errorf("list %s: got %+v, %q, %v, want %s alone", status, jobs, next, err, want[status])
		}
	}
	jobs, _, err := s.List(t.Context(), store.owner, Page{})
	if err != nil || len(jobs) != len(want) {
		t.Errorf("list: got %d jobs, %v, want %d", len(jobs), err, len(want))
	}
}

// TestListUnderFaults: a page fails if one of its jobs cannot be read, instead of omitting the job.
func TestListUnderFaults(t *testing.T) {
	store := newOwnerStore(t)
	store.many(t, 3)
	eachFault(t, []step{{listRecords, 1}, {getRecord, 2}, {head, 3}}, func(t *testing.T, w *wire, lasting bool) {
		jobs, _, err := server(t, w).List(t.Context(), store.owner, Page{})
		checkResult(t, "list", err, lasting)
		if !lasting && len(jobs) != 3 {
			t.Errorf("list: got %d jobs, want 3", len(jobs))
		}
	})
}

// TestListAnonymous: an ID gives access to an import, so anonymous clients cannot list the IDs of others.
func TestListAnonymous(t *testing.T) {
	w := &wire{}
	s := server(t, w)
	s.AnonymousListing = false
	if _, _, err := s.List(t.Context(), Public, Page{}); codeOf(err) != CodeListForbidden || w.sent() != 0 {
		t.Errorf("list: got %v after %d calls, want %s after none", err, w.sent(), CodeListForbidden)
	}
}

// TestListResumesNoCompletion: a list does not wait for stalled completions.
func TestListResumesNoCompletion(t *testing.T) { inFakeTime(testListResumesNoCompletion)(t) }

func testListResumesNoCompletion(t *testing.T) {
	store, h := newOwnerStore(t), delayCompletion()
	job := store.createMultipart(t, hello)
	_, err := server(t, step{assemble, 1}.at(dead, true)).Complete(t.Context(), store.owner, job.ID, nil)
	checkResult(t, "complete", err, true)
	defer close(h.release)
	began := time.Now()
	s := later(server(t, h.wire), time.Minute)
	jobs, _, err := s.List(t.Context(), store.owner, Page{})
	if err != nil || len(jobs) != 1 || jobs[0].Status != Uploading || time.Since(began) > 0 {
		t.Errorf("list: got %+v, %v after %s, want one uploading at once", jobs, err, time.Since(began))
	}
}
