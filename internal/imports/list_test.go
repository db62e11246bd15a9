package imports

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/http"
	"slices"
	"strings"
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
	uploadAndDelete := func(t *testing.T, j Job) { uploadAndRead(t, j); store.removeObject(t, j) }
	putWrong := func(t *testing.T, j Job) { store.put(t, j.ID, []byte("another size")) }
	uploadWrong := func(t *testing.T, j Job) { putWrong(t, j); read(t, j) }
	reversed := slices.Clone(hello)
	slices.Reverse(reversed)
	size := int64(len(hello))
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
		"nothing, deleted":       {Single, uploadAndDelete, none, 0},
		"uploaded":               {Single, none, upload, 2}, // HEAD, and the record
		"recorded elsewhere":     {Single, none, uploadAndRead, 1},
		"aborted elsewhere":      {Single, uploadAndRead, remove, 1},
		"uploaded after that":    {Multipart, remove, upload, 3}, // HEAD, and the removal of parts and object
		"another size":           {Single, uploadAndRead, func(t *testing.T, j Job) { store.put(t, j.ID, hello[1:]) }, 2},
		"same size":              {Single, uploadAndRead, func(t *testing.T, j Job) { store.put(t, j.ID, reversed) }, 2},
		"uploaded after failure": {Multipart, uploadWrong, putWrong, 3},
		"the object was deleted": {Single, uploadAndRead, store.removeObject, 0},
		"others between": {Single, none, func(t *testing.T, j Job) {
			upload(t, j)
			for range 3 {
				store.put(t, newID(idTime(j.ID).Add(-time.Millisecond)), nil)
			}
		}, 2}, // the LIST ends before the object
	} {
		t.Run(name, func(t *testing.T) {
			store.owner = newOwnerStore(t).owner
			store.many(t, 2) // older ones
			j, err := s.Create(t.Context(), store.owner, Request{Mode: c.mode, Size: &size}, "")
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

// TestListOnOtherStores: if the store's lists differ from those of Amazon S3, a list shows each import as a read does.
func TestListOnOtherStores(t *testing.T) {
	each := func(change func(*listedContent)) func(*listing) {
		return func(l *listing) {
			for i := range l.Contents {
				change(&l.Contents[i])
			}
		}
	}
	for name, c := range map[string]struct {
		change func(*listing)
		calls  int // of the third list
	}{
		"without sizes": {each(func(o *listedContent) { o.Size = nil }), 2 + 3 + 2}, // each record, and HEAD of an object
		"without ETags": {each(func(o *listedContent) { o.ETag = "" }), 2 + 3 + 2},
		"empty ETags":   {each(func(o *listedContent) { o.ETag = `""` }), 2 + 3 + 2},
		"bare ETags":    {each(func(o *listedContent) { o.ETag = strings.Trim(o.ETag, `"`) }), 2},
		"fewer objects": {func(l *listing) {
			if len(l.Contents) == 2 { // objects, not records
				l.Contents, l.IsTruncated = l.Contents[:1], true
			}
		}, 2 + 2},
		"an empty page": {func(l *listing) {
			if len(l.Contents) == 2 {
				l.Contents, l.IsTruncated = nil, true
			}
		}, 2 + 3},
	} {
		t.Run(name, func(t *testing.T) {
			store := newOwnerStore(t)
			w := &wire{on: func(r call) fault {
				if r.kind != listRecords {
					return nil
				}
				return changed(func(body []byte) []byte {
					var l listing
					if err := xml.Unmarshal(body, &l); err != nil {
						t.Error(err)
					}
					c.change(&l)
					body, err := xml.Marshal(l)
					if err != nil {
						t.Error(err)
					}
					return body
				})
			}}
			s := server(t, w)
			for i, id := range store.many(t, 3) {
				if i < 2 {
					store.put(t, id, hello)
				}
			}
			for n := range 3 { // the first one records two as completed, and the second one reads these records
				before := w.sent()
				jobs, _, err := s.List(t.Context(), store.owner, Page{})
				if err != nil || len(jobs) != 3 {
					t.Fatalf("list: got %d jobs, %v", len(jobs), err)
				}
				if sent := w.sent() - before; n == 2 && sent != c.calls {
					t.Errorf("third list: got %d requests, want %d", sent, c.calls)
				}
				for _, got := range jobs {
					want, err := server(t, nil).Read(t.Context(), store.owner, got.ID)
					if err != nil || !got.sameRecord(want) || got.ObjectDeleted {
						t.Errorf("list: got %+v, %v, want %+v", got, err, want)
					}
				}
			}
		})
	}
}

type listing struct {
	XMLName     xml.Name
	Contents    []listedContent
	IsTruncated bool
}

type listedContent struct {
	Key, ETag, LastModified string
	Size                    *int64
}

// changed returns the store's response with another body, and without its length.
func changed(change func(body []byte) []byte) fault {
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		response, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		response.Header = response.Header.Clone()
		response.Header.Del("Content-Length")
		response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(change(body))), -1
		return response, err
	}
}

// TestListAfterCutRecord: a record of which the connection's end cut the rest breaks one list, not the next ones.
func TestListAfterCutRecord(t *testing.T) {
	store := newOwnerStore(t)
	store.many(t, 1)
	s := server(t, &wire{on: func(c call) fault {
		if c.kind != getRecord || c.nth > 1 {
			return nil
		}
		return changed(func(body []byte) []byte { return body[:len(body)/2] })
	}})
	if _, _, err := s.List(t.Context(), store.owner, Page{}); err == nil {
		t.Error("list of half a record: got no error")
	}
	if jobs, _, err := s.List(t.Context(), store.owner, Page{}); err != nil || len(jobs) != 1 {
		t.Errorf("next list: got %d jobs, %v", len(jobs), err)
	}
}

// TestListOfSameBytes: an object that was replaced by the same bytes was completed later, and is another version.
func TestListOfSameBytes(t *testing.T) { inFakeTime(testListOfSameBytes)(t) }

func testListOfSameBytes(t *testing.T) {
	store, s := newOwnerStore(t), server(t, nil)
	id := store.many(t, 1)[0]
	for range 2 {
		store.put(t, id, hello)
		jobs, _, err := s.List(t.Context(), store.owner, Page{})
		if want := time.Now().UTC().Truncate(time.Second); err != nil || !jobs[0].CompletedAt.Equal(want) {
			t.Errorf("list: got %+v, %v, want one completed at %s", jobs, err, want)
		}
		time.Sleep(time.Minute)
	}
}

// TestListBesideUpload: an object that was uploaded after the objects were listed is not shown as deleted.
func TestListBesideUpload(t *testing.T) {
	store := newOwnerStore(t)
	id := store.many(t, 1)[0]
	s := server(t, &wire{on: func(c call) fault {
		if c.kind != getRecord || c.nth != 1 {
			return nil
		}
		return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
			store.put(t, id, hello)
			store.checkStatus(t, server(t, nil), id, Completed)
			return next.RoundTrip(r)
		}
	}})
	jobs, _, err := s.List(t.Context(), store.owner, Page{})
	if err != nil || len(jobs) != 1 || jobs[0].Status != Completed || jobs[0].ObjectDeleted {
		t.Errorf("list: got %+v, %v, want one completed", jobs, err)
	}
}

// TestListBesideDelete: another server deletes an import before this one records that it was uploaded.
func TestListBesideDelete(t *testing.T) {
	store := newOwnerStore(t)
	id := store.many(t, 1)[0]
	store.put(t, id, hello)
	s := server(t, &wire{on: func(c call) fault {
		if c.kind != putRecord || c.nth != 1 {
			return nil
		}
		return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
			if err := server(t, nil).Delete(t.Context(), store.owner, id); err != nil {
				t.Error(err)
			}
			return next.RoundTrip(r)
		}
	}})
	jobs, _, err := s.List(t.Context(), store.owner, Page{})
	if err != nil || len(jobs) != 1 || jobs[0].Status != Aborted {
		t.Errorf("list: got %+v, %v, want one aborted", jobs, err)
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
	for status, id := range want {
		if j, err := s.load(t.Context(), store.owner, id); status.IsTerminal() && (err != nil || j.Status != status) {
			t.Errorf("record of a listed import: got %s, %v, want %s", j.Status, err, status)
		}
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
