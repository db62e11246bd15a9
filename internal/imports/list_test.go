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
	}{{other, 20}, {store, 20}, {store, 100}} {
		w := &wire{}
		s := server(t, w)
		for _, want := range []int{2 + c.limit, 2} { // two LISTs, and at first each record
			before := w.sent()
			if _, _, err := s.List(t.Context(), c.store.owner, Page{Limit: c.limit}); err != nil {
				t.Fatal(err)
			}
			if sent := w.sent() - before; sent != want {
				t.Errorf("a page of %d: got %d requests to the store, want %d", c.limit, sent, want)
			}
		}
	}
}

// TestListAgain: a server that knows the records lists each import as a read of it shows it. It sends requests only for
// those that changed or receive parts.
func TestListAgain(t *testing.T) {
	store, w := newOwnerStore(t), &wire{}
	s, other := server(t, w), server(t, nil)
	upload := func(t *testing.T, j Job) { store.put(t, j.ID, hello) }
	read := func(t *testing.T, j Job) {
		if _, err := other.Read(t.Context(), store.owner, j.ID); err != nil {
			t.Error(err)
		}
	}
	uploadAndRead := func(t *testing.T, j Job) { upload(t, j); read(t, j) }
	remove := func(t *testing.T, j Job) {
		if err := other.Delete(t.Context(), store.owner, j.ID); err != nil {
			t.Error(err)
		}
	}
	none := func(*testing.T, Job) {}
	for name, c := range map[string]struct {
		mode          Mode
		before, after func(*testing.T, Job)
		calls         int // besides the two LISTs, for the list after the change
	}{
		"nothing":                {Single, none, none, 0},
		"nothing, completed":     {Single, uploadAndRead, none, 0},
		"nothing, aborted":       {Single, remove, none, 0},
		"nothing, parts":         {Multipart, none, none, 1},
		"nothing, parts aborted": {Multipart, remove, none, 0},
		"uploaded":               {Single, none, upload, 2}, // HEAD, and the record
		"recorded elsewhere":     {Single, none, uploadAndRead, 1},
		"aborted elsewhere":      {Single, uploadAndRead, remove, 1},
		"uploaded after that":    {Multipart, remove, upload, 3}, // HEAD, and the removal of parts and object
		"replaced":               {Single, uploadAndRead, func(t *testing.T, j Job) { store.put(t, j.ID, hello[1:]) }, 2},
		"the object was deleted": {Single, uploadAndRead, store.removeObject, 1},
		"others between": {Single, uploadAndRead, func(t *testing.T, j Job) {
			for range 3 {
				store.put(t, newID(idTime(j.ID).Add(-time.Millisecond)), nil)
			}
		}, 1}, // HEAD, because the LIST ends before the object
	} {
		t.Run(name, func(t *testing.T) {
			store.owner = newOwnerStore(t).owner
			store.many(t, 2) // older ones
			j, err := s.Create(t.Context(), store.owner, Request{Mode: c.mode}, "")
			if err != nil {
				t.Fatal(err)
			}
			c.before(t, j)
			if _, _, err := s.List(t.Context(), store.owner, Page{}); err != nil {
				t.Fatal(err)
			}
			c.after(t, j)
			before := w.sent()
			jobs, _, err := s.List(t.Context(), store.owner, Page{})
			calls := w.sent() - before - 2
			if err != nil || len(jobs) != 3 {
				t.Fatalf("list: got %d jobs, %v", len(jobs), err)
			}
			want, err := other.Read(t.Context(), store.owner, j.ID)
			if got := jobs[0]; err != nil || got.Status != want.Status || got.ObjectDeleted != want.ObjectDeleted ||
				!got.sameRecord(want) {
				t.Errorf("list: got %+v, %v, want %+v", got, err, want)
			}
			if calls != c.calls {
				t.Errorf("list: got %d more requests, want %d", calls, c.calls)
			}
		})
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
	steps := []step{{listRecords, 1}, {listRecords, 2}, {getRecord, 2}, {head, 1}}
	eachFault(t, steps, func(t *testing.T, w *wire, lasting bool) {
		store := newOwnerStore(t)
		store.put(t, store.many(t, 3)[1], hello)
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
