package imports

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// sentAs returns how many requests of a kind were sent, retries included.
func (w *wire) sentAs(kind string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, c := range w.calls {
		if c.kind == kind {
			n++
		}
	}
	return n
}

// TestCompletionFailed: each Complete sends one completion to a store that fails it. Reads and sweeps report why and
// send none, the parts stay, and the next Complete succeeds.
func TestCompletionFailed(t *testing.T) {
	for _, c := range []struct {
		status int
		answer string
		code   string
	}{
		{500, "InternalError", CodeCompletionFailed},
		{200, "InternalError", CodeCompletionFailed},
		{507, "InsufficientStorage", CodeStoreFull},
		{400, "XMinioAdminBucketQuotaExceeded", CodeStoreFull},
		{403, "AccessDenied", CodeCompletionFailed},
		{400, "BadDigest", CodeCompletionFailed}, // though no checksum was declared
		{400, "Unforeseen", CodeCompletionFailed},
	} {
		t.Run(fmt.Sprintf("%d %s", c.status, c.answer), inFakeTime(func(t *testing.T) {
			store := newOwnerStore(t)
			id := store.createMultipart(t, hello).ID
			w := step{assemble, 1}.at(says(c.status, c.answer, false), true)
			for calls := 1; calls <= 2; calls++ {
				if _, err := server(t, w).Complete(t.Context(), store.owner, id, nil); codeOf(err) != c.code {
					t.Errorf("complete: got %v, want %s", err, c.code)
				}
				for _, after := range []time.Duration{0, time.Minute, time.Hour} {
					s := later(server(t, w), after)
					j, err := s.Read(t.Context(), store.owner, id)
					if err != nil || j.Status != Uploading || j.LastFailure().Code != c.code || j.Parts.Uploaded != 1 {
						t.Errorf("read after %s: got %+v, %v, want uploading with %s", after, j, err, c.code)
					}
					if _, _, err := s.ExpireOverdue(t.Context(), store.owner, []Created{{Until: s.Now()}}, "", 10); err != nil {
						t.Errorf("sweep after %s: %v", after, err)
					}
				}
				if n := w.sentAs(assemble); n != calls {
					t.Errorf("%d completions were sent to the store for %d calls", n, calls)
				}
			}
			store.checkCompletes(t, id)
			if j, err := server(t, nil).Read(t.Context(), store.owner, id); err != nil || j.LastFailure() != (Failure{}) {
				t.Errorf("read once completed: got %+v, %v, want no failure", j.LastFailure(), err)
			}
		}))
	}
}

// TestCompletionWithoutResponse: a store that never answers a completion receives a limited number of them, then the
// import reports that.
func TestCompletionWithoutResponse(t *testing.T) { inFakeTime(testCompletionWithoutResponse)(t) }

func testCompletionWithoutResponse(t *testing.T) {
	store := newOwnerStore(t)
	id := store.createMultipart(t, hello).ID
	w := step{assemble, 1}.at(says(504, "", false), true)
	if _, err := server(t, w).Complete(t.Context(), store.owner, id, nil); codeOf(err) != CodeStoreUnavailable {
		t.Errorf("complete: got %v, want %s", err, CodeStoreUnavailable)
	}
	var j Job
	for minutes := range 2 * maxAttempts {
		var err error
		j, err = later(server(t, w), time.Duration(minutes+1)*time.Minute).Read(t.Context(), store.owner, id)
		if code := codeOf(err); code != "" && code != CodeStoreUnavailable {
			t.Fatalf("read: %v", err)
		}
	}
	if j.Status != Uploading || j.LastFailure().Code != CodeCompletionFailed {
		t.Errorf("read: got %+v, want an upload whose completion failed", j)
	}
	if n := w.sentAs(assemble); n != maxAttempts {
		t.Errorf("%d completions were sent to the store, want %d", n, maxAttempts)
	}
	store.checkCompletes(t, id)
}

// TestResumeOnFullStore: a store that is too full for the record does not receive a completion again. Reads report
// that, and the completion is resumed once there is space.
func TestResumeOnFullStore(t *testing.T) {
	store := newOwnerStore(t)
	id := store.createMultipart(t, hello).ID
	stops := server(t, step{assemble, 1}.at(dead, true))
	if _, err := stops.Complete(t.Context(), store.owner, id, nil); codeOf(err) != CodeStoreUnavailable {
		t.Fatalf("complete on a server that stops: got %v", err)
	}
	w := step{putRecord, 1}.at(says(507, "InsufficientStorage", false), true)
	for range 2 {
		j, err := later(server(t, w), time.Minute).Read(t.Context(), store.owner, id)
		if err != nil || j.Status != Uploading || j.LastFailure().Code != CodeStoreFull || j.Parts.Uploaded != 1 {
			t.Errorf("read: got %+v, %v, want an upload whose completion failed with %s", j, err, CodeStoreFull)
		}
	}
	if n := w.sentAs(assemble); n != 0 {
		t.Errorf("%d completions were sent to the store, want 0", n)
	}
	j, err := later(server(t, nil), time.Minute).Read(t.Context(), store.owner, id)
	if err != nil || j.Status != Completed {
		t.Errorf("read once there is space: got %+v, %v, want completed", j, err)
	}
}

// TestRecordChangesDuringFailure: the record changes while the store fails a completion. The call ends without another
// completion, and with what the record says by then.
func TestRecordChangesDuringFailure(t *testing.T) {
	for _, c := range []struct {
		name string
		to   func(j Job) Job
		code string // of the call
		left string // the code of the failure that the record has
	}{
		{"fenced", func(j Job) Job { j.Fence++; return j }, CodeCompletionFailed, CodeCompletionFailed},
		{"claimed again", func(j Job) Job { j.Parts = j.Parts.claim(time.Now()); return j }, CodeCompletionFailed, ""},
		{"withdrawn", func(j Job) Job {
			j.Parts = j.Parts.release(Failure{Code: CodeStoreFull, Detail: "full"}.error())
			return j
		}, CodeCompletionFailed, CodeStoreFull},
		{"aborted", func(j Job) Job { j.Status = Aborted; return j }, CodeAborted, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := newOwnerStore(t)
			id := store.createMultipart(t, hello).ID
			w := step{assemble, 1}.at(says(500, "InternalError", false), true)
			fail := w.on
			w.on = func(sent call) fault {
				if sent.kind == assemble {
					s := server(t, nil)
					j, err := s.load(t.Context(), store.owner, id)
					if err == nil {
						_, err = s.store(t.Context(), j, c.to(j))
					}
					if err != nil {
						t.Error(err)
					}
				}
				return fail(sent)
			}
			if _, err := server(t, w).Complete(t.Context(), store.owner, id, nil); codeOf(err) != c.code {
				t.Errorf("complete: got %v, want %s", err, c.code)
			}
			if n := w.sentAs(assemble); n != 1 {
				t.Errorf("%d completions were sent to the store, want 1", n)
			}
			if j, err := server(t, nil).load(t.Context(), store.owner, id); err != nil || j.LastFailure().Code != c.left {
				t.Errorf("record: got %+v, %v, want failure %q", j, err, c.left)
			}
		})
	}
}

// TestFailureEndsOtherCalls: a call that waits for another server's completion ends when that fails, with the same
// error.
func TestFailureEndsOtherCalls(t *testing.T) { inFakeTime(testFailureEndsOtherCalls)(t) }

func testFailureEndsOtherCalls(t *testing.T) {
	store := newOwnerStore(t)
	id := store.createMultipart(t, hello).ID
	first := step{assemble, 1}.at(says(507, "InsufficientStorage", false), true)
	second := &wire{on: func(sent call) fault {
		if sent.kind != assemble {
			return nil
		}
		if _, err := server(t, first).Complete(t.Context(), store.owner, id, nil); codeOf(err) != CodeStoreFull {
			t.Errorf("the first complete: got %v, want %s", err, CodeStoreFull)
		}
		return says(404, "NoSuchUpload", false) // the first had taken it
	}}
	_, err := server(t, second).Complete(t.Context(), store.owner, id, nil)
	if codeOf(err) != CodeStoreFull || errors.Is(err, bucket.ErrStoreFull) {
		t.Errorf("the second complete: got %v, want what the record says", err)
	}
}
