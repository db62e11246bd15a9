package imports

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/s3limits"
)

var hello = []byte("hello, bucket")

// faults are the failures of a request. Those marked acted reach the store.
var faults = []struct {
	name  string
	fault fault
	only  string // the one kind of request that fails; empty: all
}{
	{"cut before", cutBefore, ""},
	{"cut after", cutAfter, ""},
	{"500 before", says(500, "InternalError", false), ""},
	{"500 after", says(500, "InternalError", true), ""},
	{"503 SlowDown", says(503, "SlowDown", false), ""},
	{"200 with an error", says(200, "InternalError", false), assemble},
	{"200 with an error after all", says(200, "InternalError", true), assemble},
}

// step is the nth request of a kind.
type step struct {
	kind string
	nth  int
}

// at makes f happen at s: once, so that the SDK's retry succeeds, or from then on.
func (s step) at(f fault, lasting bool) *wire {
	return &wire{on: func(c call) fault {
		if c.kind == s.kind && (c.nth == s.nth && c.attempt == 1 || lasting && c.nth >= s.nth) {
			return f
		}
		return nil
	}}
}

// eachFault runs test for each of steps and faults, once and from then on.
func eachFault(t *testing.T, steps []step, test func(t *testing.T, w *wire, lasting bool)) {
	for _, s := range steps {
		for _, f := range faults {
			if f.only != "" && f.only != s.kind {
				continue
			}
			for _, lasting := range []bool{false, true} {
				name := fmt.Sprintf("%s %d/%s/lasting=%v", s.kind, s.nth, f.name, lasting)
				t.Run(name, inFakeTime(func(t *testing.T) { test(t, s.at(f.fault, lasting), lasting) }))
			}
		}
	}
}

// checkResult requires the right result of a call during a fault: an error about the store if the fault lasts, success
// if a retry succeeded.
func checkResult(t *testing.T, doing string, err error, lasting bool) {
	t.Helper()
	if errors.Is(err, bucket.ErrNotCompleted) {
		return // it is attempted once
	}
	want := ""
	if lasting {
		want = CodeStoreUnavailable
	}
	if codeOf(err) != want {
		t.Errorf("%s: got %v, want code %q", doing, err, want)
	}
}

// TestCreateFaults: a create during a fault returns the right error, and its retry on a restarted server finds or
// creates the only job.
func TestCreateFaults(t *testing.T) {
	size := int64(len(hello))
	r := Request{Mode: Multipart, Size: &size}
	eachFault(t, []step{{putClaim, 1}, {createUpload, 1}, {putRecord, 1}}, func(t *testing.T, w *wire, lasting bool) {
		store := newOwnerStore(t)
		first, err := server(t, w).Create(t.Context(), store.owner, r, "key")
		checkResult(t, "create", err, lasting)

		again, err := server(t, nil).Create(t.Context(), store.owner, r, "key")
		if err != nil || first.ID != "" && (again.ID != first.ID || again.Parts.UploadID != first.Parts.UploadID) {
			t.Fatalf("create again: got %+v, %v, want %+v", again, err, first)
		}
		orphans := store.uploads(t) - 1
		// Uploads whose server stopped or got no response; the lifecycle rule aborts them.
		if most := w.count[createUpload] * 3; orphans < 0 || orphans > most {
			t.Errorf("%d orphaned uploads, want at most %d", orphans, most)
		}
		if orphans > 0 {
			t.Logf("%d uploads are left to the lifecycle rule", orphans)
		}
		if err := store.part(t, again, 1, hello); err != nil {
			t.Fatal(err)
		}
		store.checkCompletes(t, again.ID)
		store.checkAborts(t, again.ID, orphans)
	})
}

// checkCompletes completes a job on a restarted server: its bytes are those that were sent.
func (store ownerStore) checkCompletes(t *testing.T, id string) {
	t.Helper()
	s := server(t, nil)
	j, err := s.Complete(t.Context(), store.owner, id, nil)
	if err != nil || j.Status != Completed {
		t.Fatalf("complete by another server: got %s, %v, want completed", j.Status, err)
	}
	if read, err := s.Read(t.Context(), store.owner, id); err != nil || read.Status != Completed ||
		read.Object.ETag != j.Object.ETag {
		t.Errorf("read: got %+v, %v, want what complete answered", read, err)
	}
	if !bytes.Equal(store.object(t, id), hello) {
		t.Error("stored: other bytes than were sent")
	}
}

// checkAborts deletes a job on a restarted server: nothing of it is left but orphans.
func (store ownerStore) checkAborts(t *testing.T, id string, orphans int) {
	t.Helper()
	s := server(t, nil)
	if err := s.Delete(t.Context(), store.owner, id); err != nil {
		t.Fatalf("delete by another server: %v", err)
	}
	store.checkGone(t, id, Aborted, orphans)
}

// checkGone requires that a terminal job has no data and stays terminal.
func (store ownerStore) checkGone(t *testing.T, id string, want Status, orphans int) {
	t.Helper()
	if j, err := server(t, nil).Read(t.Context(), store.owner, id); err != nil || j.Status != want {
		t.Errorf("read: got %s, %v, want %s", j.Status, err, want)
	}
	if store.object(t, id) != nil {
		t.Errorf("%s, but its object is there", want)
	}
	if left := store.uploads(t); left != orphans {
		t.Errorf("%s, but %d uploads are left, want %d", want, left, orphans)
	}
}

// TestCompleteFaults: a completion during a fault returns the right error, and a repeated call or a read resumes it.
func TestCompleteFaults(t *testing.T) {
	steps := []step{{getRecord, 1}, {listParts, 1}, {putRecord, 1}, {assemble, 1}, {getRecord, 2}, {head, 1},
		{putRecord, 2}}
	for _, after := range []string{"complete", "read"} {
		t.Run(after, func(t *testing.T) {
			eachFault(t, steps, func(t *testing.T, w *wire, lasting bool) {
				store := newOwnerStore(t)
				id := store.createMultipart(t, hello).ID
				j, err := server(t, w).Complete(t.Context(), store.owner, id, nil)
				// A store may assemble the object and answer with an error.
				if err != nil || j.Status != Completed || !bytes.Equal(store.object(t, id), hello) {
					checkResult(t, "complete", err, lasting)
				}
				if after == "read" {
					store.checkResumed(t, id)
				}
				store.checkCompletes(t, id)
				store.checkAborts(t, id, 0)
			})
		})
	}
}

// checkResumed reads a job on a restarted server a minute later: it is completed if the record contains a claim.
func (store ownerStore) checkResumed(t *testing.T, id string) {
	t.Helper()
	s := later(server(t, nil), time.Minute)
	before, err := s.load(t.Context(), store.owner, id)
	if err != nil {
		t.Fatal(err)
	}
	want := Uploading
	if before.completing() {
		want = Completed
	}
	if j, err := s.Read(t.Context(), store.owner, id); err != nil || j.Status != want {
		t.Errorf("read by another server: got %s, %v, want %s", j.Status, err, want)
	}
}

// TestAbortFaults: a delete during a fault returns the right error, and a repeated one leaves nothing.
func TestAbortFaults(t *testing.T) {
	for _, of := range []string{"uploading", "completed"} {
		t.Run(of, func(t *testing.T) {
			eachFault(t, []step{{getRecord, 1}, {putRecord, 1}, {abort, 1}, {remove, 1}},
				func(t *testing.T, w *wire, lasting bool) {
					store := newOwnerStore(t)
					id := store.createMultipart(t, hello).ID
					if of == "completed" {
						store.checkCompletes(t, id)
					}
					err := server(t, w).Delete(t.Context(), store.owner, id)
					checkResult(t, "delete", err, lasting)
					if err == nil {
						store.checkGone(t, id, Aborted, 0)
					}
					store.checkAborts(t, id, 0)
				})
		})
	}
}

// killedAfter is the wire of a server that is killed after the response to its nth request.
func killedAfter(n int) *wire {
	return &wire{on: func(c call) fault {
		if c.seq > n {
			return dead
		}
		return nil
	}}
}

// TestServerKilled kills a server between any two of its requests to the store; another server continues.
func TestServerKilled(t *testing.T) {
	size := int64(len(hello))
	request := Request{Mode: Multipart, Size: &size}
	createOnePart := func(t *testing.T, store ownerStore) string { return store.createMultipart(t, hello).ID }
	for _, c := range []struct {
		name  string
		steps int // how many requests it sends, so that a change fails the test
		prep  func(t *testing.T, store ownerStore) string
		call  func(s *Service, store ownerStore, id string) error
		ends  func(t *testing.T, store ownerStore, id string, n int)
	}{
		{"create", 3, func(*testing.T, ownerStore) string { return "" }, func(s *Service, store ownerStore, _ string) error {
			_, err := s.Create(context.Background(), store.owner, request, "key")
			return err
		}, func(t *testing.T, store ownerStore, _ string, n int) {
			j, err := server(t, nil).Create(t.Context(), store.owner, request, "key")
			if err != nil {
				t.Fatalf("create again: %v", err)
			}
			orphans := 0
			if n == 2 { // created, not recorded: the lifecycle rule aborts it
				orphans = 1
			}
			if err := store.part(t, j, 1, hello); err != nil {
				t.Fatal(err)
			}
			store.checkCompletes(t, j.ID)
			store.checkAborts(t, j.ID, orphans)
		}},
		{"complete", 7, createOnePart, func(s *Service, store ownerStore, id string) error {
			_, err := s.Complete(context.Background(), store.owner, id, nil)
			return err
		}, func(t *testing.T, store ownerStore, id string, _ int) {
			store.checkResumed(t, id)
			store.checkCompletes(t, id)
			store.checkAborts(t, id, 0)
		}},
		{"complete, then delete", 7, createOnePart, func(s *Service, store ownerStore, id string) error {
			_, err := s.Complete(context.Background(), store.owner, id, nil)
			return err
		}, func(t *testing.T, store ownerStore, id string, _ int) { store.checkAborts(t, id, 0) }},
		{"delete", 4, createOnePart, func(s *Service, store ownerStore, id string) error {
			return s.Delete(context.Background(), store.owner, id)
		}, func(t *testing.T, store ownerStore, id string, n int) {
			if n >= 2 { // recorded: a read removes the rest
				store.checkGone(t, id, Aborted, 0)
			}
			store.checkAborts(t, id, 0)
		}},
		{"delete of a completed one", 4, func(t *testing.T, store ownerStore) string {
			id := store.createMultipart(t, hello).ID
			store.checkCompletes(t, id)
			return id
		}, func(s *Service, store ownerStore, id string) error {
			return s.Delete(context.Background(), store.owner, id)
		}, func(t *testing.T, store ownerStore, id string, n int) {
			if n >= 2 {
				store.checkGone(t, id, Aborted, 0)
			}
			store.checkAborts(t, id, 0)
		}},
		{"read of one past its deadline", 6, createOnePart, func(s *Service, store ownerStore, id string) error {
			_, err := later(s, 25*time.Hour).Read(context.Background(), store.owner, id)
			return err
		}, func(t *testing.T, store ownerStore, id string, _ int) {
			if j, err := later(server(t, nil), 25*time.Hour).Read(t.Context(), store.owner, id); err != nil ||
				j.Status != Expired {
				t.Errorf("read by another server: got %s, %v, want expired", j.Status, err)
			}
			store.checkGone(t, id, Expired, 0)
		}},
		{"read that resumes", 8, func(t *testing.T, store ownerStore) string {
			id := store.createMultipart(t, hello).ID
			_, err := server(t, step{assemble, 1}.at(dead, true)).Complete(t.Context(), store.owner, id, nil)
			checkResult(t, "complete", err, true)
			return id
		}, func(s *Service, store ownerStore, id string) error {
			_, err := later(s, time.Minute).Read(context.Background(), store.owner, id)
			return err
		}, func(t *testing.T, store ownerStore, id string, _ int) {
			j, err := later(server(t, nil), 2*time.Minute).Read(t.Context(), store.owner, id)
			if err != nil || j.Status != Completed {
				t.Errorf("read by another server: got %s, %v, want completed", j.Status, err)
			}
			store.checkCompletes(t, id)
			store.checkAborts(t, id, 0)
		}},
		{"complete with another checksum", 9, createOnePart, func(s *Service, store ownerStore, id string) error {
			_, err := s.Complete(context.Background(), store.owner, id, otherChecksum)
			if codeOf(err) == CodeChecksumMismatch {
				return nil
			}
			return err
		}, func(t *testing.T, store ownerStore, id string, _ int) {
			if _, err := server(t, nil).Complete(t.Context(), store.owner, id,
				otherChecksum); codeOf(err) != CodeChecksumMismatch {
				t.Errorf("complete by another server: got %v, want %s", err, CodeChecksumMismatch)
			}
			if store.object(t, id) != nil || store.uploads(t) != 0 {
				t.Error("complete by another server says that the object was removed; it was not")
			}
			store.checkGone(t, id, Failed, 0)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for n := range c.steps + 1 {
				t.Run(fmt.Sprintf("after %d calls", n), inFakeTime(func(t *testing.T) {
					store := newOwnerStore(t)
					id := c.prep(t, store)
					w := killedAfter(n)
					err := c.call(server(t, w), store, id)
					if n < c.steps && codeOf(err) != CodeStoreUnavailable || n == c.steps && err != nil {
						t.Errorf("got %v after %v", err, w.calls)
					}
					if n == c.steps && w.sent() != c.steps {
						t.Errorf("made %d calls, want %d: %v", w.sent(), c.steps, w.calls)
					}
					c.ends(t, store, id, n)
				}))
			}
		})
	}
}

// otherChecksum is the checksum of other bytes than hello.
var otherChecksum = &Checksum{Algorithm: "crc64nvme", Value: "AAAAAAAAAAE="}

// TestReplacedPart replaces part 1 after the service has listed the parts and before the store assembles them.
func TestReplacedPart(t *testing.T) {
	for _, c := range []struct {
		name string
		part []byte
		sum  *Checksum
		code string
	}{
		{"equal size", []byte(strings.ToUpper(string(hello))), nil, ""},
		{"another size", hello[1:], nil, CodePartSizeMismatch},
		{"another size, and a checksum that the next completion need not repeat", hello[1:], otherChecksum,
			CodePartSizeMismatch},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := newOwnerStore(t)
			job := store.createMultipart(t, hello)
			replaced := false
			w := &wire{on: func(c2 call) fault {
				if c2.kind != assemble || replaced {
					return nil
				}
				replaced = true
				return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
					if err := store.part(t, job, 1, c.part); err != nil {
						t.Error(err)
					}
					return next.RoundTrip(r)
				}
			}}
			j, err := server(t, w).Complete(t.Context(), store.owner, job.ID, c.sum)
			if codeOf(err) != c.code {
				t.Fatalf("complete: got %v, want %q", err, c.code)
			}
			if !replaced {
				t.Fatal("complete: the store was never asked")
			}
			if c.code == "" {
				if j.Status != Completed || !bytes.Equal(store.object(t, job.ID), c.part) {
					t.Errorf("complete: got %s and %q, want completed with the new part", j.Status, store.object(t, job.ID))
				}
				return
			}
			if j, err := later(server(t, nil), time.Minute).Read(t.Context(), store.owner, job.ID); err != nil ||
				j.Status != Uploading || j.completing() {
				t.Errorf("read: got %+v, %v, want an upload that goes on", j, err)
			}
			if err := store.part(t, job, 1, hello); err != nil {
				t.Fatal(err)
			}
			store.checkCompletes(t, job.ID)
		})
	}
}

// TestOutOfPlan uploads parts for which no URL was signed.
func TestOutOfPlan(t *testing.T) {
	store, s := newOwnerStore(t), server(t, nil)
	size := int64(6*s3limits.MinPartSize + 1)
	request := Request{Mode: Multipart, Size: &size, PartSize: s3limits.MinPartSize}
	job, err := s.Create(t.Context(), store.owner, request, "")
	if err != nil || job.Parts.PartCount != 7 {
		t.Fatalf("create: got %+v, %v, want 7 parts", job.Parts, err)
	}
	if err := store.part(t, job, 10_001, hello); err == nil {
		t.Error("part 10,001: the store took it")
	}
	if err := store.part(t, job, 9, hello); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Complete(t.Context(), store.owner, job.ID, nil); codeOf(err) != CodePartSizeMismatch ||
		!strings.Contains(err.(*Error).Fields[0].Detail, "part 9 is not in the plan") {
		t.Errorf("complete with part 9 of 7: got %+v, want %s", err, CodePartSizeMismatch)
	}
	page, err := s.ListParts(t.Context(), store.owner, job.ID, 0)
	if err != nil || len(page.Parts) != 1 || !slices.Equal(page.Missing, []Range{{1, 7}}) || page.Next != 0 {
		t.Errorf("list: got %+v, %v, want parts 1 to 7 missing", page, err)
	}
	for _, r := range []PartsRequest{{First: 8, Count: 1}, {Numbers: []int32{7, 8}}, {Numbers: []int32{10_001}}} {
		if _, err := s.SignParts(t.Context(), store.owner, job.ID, r); codeOf(err) != CodeInvalidRequest {
			t.Errorf("sign %+v of 7: got %v, want %s", r, err, CodeInvalidRequest)
		}
	}
}

// TestChecksumOfFailedCompletion: a value that came with a failed completion is removed, and the declared algorithm
// stays.
func TestChecksumOfFailedCompletion(t *testing.T) {
	for name, c := range map[string]struct{ declared, want *Checksum }{
		"without": {nil, nil},
		"with":    {&Checksum{Algorithm: "crc64nvme"}, &Checksum{Algorithm: "crc64nvme"}},
	} {
		t.Run(name, func(t *testing.T) {
			store, s := newOwnerStore(t), server(t, nil)
			job, err := s.Create(t.Context(), store.owner, Request{Mode: Multipart, Checksum: c.declared}, "")
			if err != nil {
				t.Fatal(err)
			}
			j, err := s.load(t.Context(), store.owner, job.ID)
			if err != nil {
				t.Fatal(err)
			}
			next, err := j.withChecksum(otherChecksum)
			if err != nil {
				t.Fatal(err)
			}
			next.Parts = j.Parts.claim(s.Now())
			if _, err := s.store(t.Context(), j, next); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Complete(t.Context(), store.owner, job.ID, nil); codeOf(err) != CodePartsMissing {
				t.Fatalf("complete: got %v, want %s", err, CodePartsMissing)
			}
			j, err = s.load(t.Context(), store.owner, job.ID)
			if err != nil || j.completing() || (j.Checksum == nil) != (c.want == nil) ||
				c.want != nil && *j.Checksum != *c.want {
				t.Errorf("record: got %+v, %v, want checksum %+v", j.Checksum, err, c.want)
			}
		})
	}
}
