package imports

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const servers = 20

// startServers returns servers on one bucket. They call onRequest before each request to the store, which takes up to a
// millisecond of fake time, so that their requests meet in random order.
func startServers(t *testing.T, onRequest func()) [servers]*Service {
	var all [servers]*Service
	for i := range all {
		all[i] = server(t, &wire{on: func(call) fault {
			onRequest()
			time.Sleep(rand.N(time.Millisecond))
			return nil
		}})
	}
	return all
}

// TestReadOfOlderObject: Read finds no object, and then a record that another server has completed in between. It reads
// the object again, and does not conclude that it was deleted.
func TestReadOfOlderObject(t *testing.T) {
	store, found := newOwnerStore(t), make(chan struct{})
	j, err := server(t, nil).Create(t.Context(), store.owner, Request{}, "")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{on: func(c call) fault {
		switch {
		case c.kind == head && c.nth == 1:
			return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
				defer close(found)
				return next.RoundTrip(r)
			}
		case c.kind == getRecord:
			return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
				<-found
				store.put(t, j.ID, []byte("hello"))
				store.checkStatus(t, server(t, nil), j.ID, Completed)
				return next.RoundTrip(r)
			}
		}
		return nil
	}}
	got, err := server(t, w).Read(t.Context(), store.owner, j.ID)
	if err != nil || got.Status != Completed || got.ObjectDeleted || w.sent() != 3 {
		t.Errorf("read: got %s, deleted %t, %v, with %d requests, want completed with 3", got.Status, got.ObjectDeleted, err,
			w.sent())
	}
}

// TestCompleteAtOnce: concurrent completions return the same result on all servers.
func TestCompleteAtOnce(t *testing.T) { inFakeTime(testCompleteAtOnce)(t) }

func testCompleteAtOnce(t *testing.T) {
	all := startServers(t, func() {})
	for range 5 {
		store := newOwnerStore(t)
		id := store.createMultipart(t, hello).ID
		jobs := make([]Job, servers)
		var wg sync.WaitGroup
		for i, s := range all {
			wg.Go(func() {
				var err error
				if jobs[i], err = s.Complete(t.Context(), store.owner, id, nil); err != nil {
					t.Errorf("complete on server %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		for i, j := range jobs {
			if j.Status != Completed || j.Object == nil || j.Object.ETag != jobs[0].Object.ETag {
				t.Fatalf("complete on server %d: got %+v, on server 0 %+v", i, j, jobs[0])
			}
		}
		store.checkCompletes(t, id)
		store.checkAborts(t, id, 0)
	}
}

// TestCompleteAndDeleteAtOnce: the job is aborted, nothing is left, and no response contradicts another. The deletes
// come after more requests in each round, so that they meet completions at every stage.
func TestCompleteAndDeleteAtOnce(t *testing.T) { inFakeTime(testCompleteAndDeleteAtOnce)(t) }

func testCompleteAndDeleteAtOnce(t *testing.T) {
	var left atomic.Int32 // requests before the deletes
	var begin chan struct{}
	var open func()
	all := startServers(t, func() {
		if left.Add(-1) == 0 {
			open()
		}
	})
	outcomes := map[string]int{}
	for round := range int32(24) {
		store := newOwnerStore(t)
		id := store.createMultipart(t, hello).ID
		var mu sync.Mutex
		var deleted atomic.Bool
		var wg sync.WaitGroup
		begin = make(chan struct{})
		open = sync.OnceFunc(func() { close(begin) })
		left.Store(1 + round*8)
		for i, s := range all {
			wg.Go(func() {
				if i%4 == 0 {
					<-begin
					if err := s.Delete(t.Context(), store.owner, id); err != nil {
						t.Errorf("delete on server %d: %v", i, err)
					}
					deleted.Store(true)
					return
				}
				if i == 1 {
					defer open() // at the latest
				}
				for range 3 {
					over := deleted.Load()
					j, err := s.Complete(t.Context(), store.owner, id, nil)
					outcome := codeOf(err) + string(j.Status)
					mu.Lock()
					outcomes[outcome]++
					mu.Unlock()
					if outcome != string(Completed) && outcome != string(Uploading) && outcome != CodeAborted ||
						over && outcome != CodeAborted {
						t.Errorf("complete on server %d: got %s, %v (begun after a delete was answered: %v)", i, j.Status, err, over)
					}
				}
			})
		}
		wg.Wait()
		store.checkGone(t, id, Aborted, 0)
	}
	if outcomes[string(Completed)] == 0 || outcomes[CodeAborted] == 0 {
		t.Errorf("completions answered: %v, want some of each kind", outcomes)
	}
	t.Logf("completions answered: %v", outcomes)
}

// TestDeleteDuringCompletion aborts right before, or right after, the store completes the upload for a server: that
// server detects it, and leaves nothing.
func TestDeleteDuringCompletion(t *testing.T) {
	for name, after := range map[string]bool{"before the store acts": false, "after the store acted": true} {
		t.Run(name, func(t *testing.T) {
			store := newOwnerStore(t)
			id := store.createMultipart(t, hello).ID
			w := &wire{on: func(c call) fault {
				if c.kind != assemble {
					return nil
				}
				return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
					if !after {
						store.checkAborts(t, id, 0)
						return next.RoundTrip(r)
					}
					response, err := next.RoundTrip(r)
					store.checkAborts(t, id, 0)
					return response, err
				}
			}}
			if j, err := server(t, w).Complete(t.Context(), store.owner, id, nil); codeOf(err) != CodeAborted {
				t.Errorf("complete: got %+v, %v, want %s", j, err, CodeAborted)
			}
			if store.object(t, id) != nil || store.uploads(t) != 0 {
				t.Error("complete: something is left of an aborted import")
			}
		})
	}
}

// TestObjectAfterDelete makes the store complete an upload after parts and object were removed: the server of that
// completion removes the object; if it stopped, the next read does.
func TestObjectAfterDelete(t *testing.T) {
	for name, stops := range map[string]bool{"its server runs": false, "its server stops": true} {
		t.Run(name, func(t *testing.T) {
			store := newOwnerStore(t)
			id := store.createMultipart(t, hello).ID
			var killed atomic.Bool
			w := &wire{on: func(c call) fault {
				switch {
				case killed.Load():
					return dead
				case c.kind == assemble:
					return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
						store.checkAborts(t, id, 0)
						killed.Store(stops)
						store.put(t, id, hello) // assembled from parts that the store had begun to read
						return says(404, "NoSuchUpload", false)(r, next)
					}
				}
				return nil
			}}
			want := CodeAborted
			if stops {
				want = CodeStoreUnavailable
			}
			if _, err := server(t, w).Complete(t.Context(), store.owner, id, nil); codeOf(err) != want {
				t.Errorf("complete: got %v, want %s", err, want)
			}
			if left := store.object(t, id) != nil; left != stops {
				t.Errorf("complete: object left %v, want %v", left, stops)
			}
			store.checkGone(t, id, Aborted, 0)
		})
	}
}

// delayedStore delays the store's completion until it is released, or its server is killed.
type delayedStore struct {
	*wire
	reached, release chan struct{}
	killed           atomic.Bool
}

func delayCompletion() *delayedStore {
	h := &delayedStore{reached: make(chan struct{}), release: make(chan struct{})}
	h.wire = &wire{on: func(c call) fault {
		switch {
		case h.killed.Load():
			return dead
		case c.kind == assemble:
			return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
				close(h.reached)
				<-h.release
				if h.killed.Load() {
					return dead(r, next)
				}
				return next.RoundTrip(r)
			}
		}
		return nil
	}}
	return h
}

// TestCompletionWait: a completion that takes longer than the wait returns its progress, and continues.
func TestCompletionWait(t *testing.T) {
	t.Run("the store is slow", inFakeTime(func(t *testing.T) {
		store, h := newOwnerStore(t), delayCompletion()
		job := store.createMultipart(t, hello)
		s := server(t, h.wire)
		j, err := s.Complete(t.Context(), store.owner, job.ID, nil)
		if err != nil || j.Status != Uploading {
			t.Fatalf("complete: got %s, %v, want uploading", j.Status, err)
		}
		if j.Parts.Uploaded != 1 || j.Parts.UploadedBytes != int64(len(hello)) {
			t.Errorf("complete: got %d parts of %d bytes, the store holds 1 of %d", j.Parts.Uploaded, j.Parts.UploadedBytes,
				len(hello))
		}
		<-h.reached
		if j, err := server(t, nil).Read(t.Context(), store.owner, job.ID); err != nil || j.Status != Uploading ||
			j.Parts.Uploaded != 1 {
			t.Errorf("read meanwhile: got %+v, %v, want uploading", j, err)
		}
		close(h.release)
		store.checkCompletes(t, job.ID) // waits for the one in progress
	}))
	t.Run("the server stops", inFakeTime(func(t *testing.T) {
		store, h := newOwnerStore(t), delayCompletion()
		job := store.createMultipart(t, hello)
		s := server(t, h.wire)
		if j, err := s.Complete(t.Context(), store.owner, job.ID, nil); err != nil || j.Status != Uploading {
			t.Fatalf("complete: got %s, %v, want uploading", j.Status, err)
		}
		<-h.reached
		h.killed.Store(true)
		close(h.release)
		if j, err := server(t, nil).Read(t.Context(), store.owner, job.ID); err != nil || j.Status != Uploading {
			t.Errorf("read within the timeout: got %s, %v, want uploading", j.Status, err)
		}
		if j, err := later(server(t, nil), time.Minute).Read(t.Context(), store.owner, job.ID); err != nil ||
			j.Status != Completed || !bytes.Equal(store.object(t, job.ID), hello) {
			t.Errorf("read after it: got %s, %v, want completed", j.Status, err)
		}
	}))
	t.Run("a reader's own timeout", inFakeTime(func(t *testing.T) {
		store, h := newOwnerStore(t), delayCompletion()
		job := store.createMultipart(t, hello)
		_, err := server(t, step{assemble, 1}.at(dead, true)).Complete(t.Context(), store.owner, job.ID, nil)
		checkResult(t, "complete", err, true)
		s := later(server(t, h.wire), time.Minute)
		j, err := s.Read(t.Context(), store.owner, job.ID)
		if err != nil || j.Status != Uploading || j.Parts.Uploaded != 1 {
			t.Errorf("read: got %+v, %v, want uploading", j, err)
		}
		<-h.reached
		close(h.release)
		store.checkCompletes(t, job.ID)
	}))
}

// TestExpiry: an upload that is not completed in time is removed by the next read, and accepts nothing more.
func TestExpiry(t *testing.T) {
	store := newOwnerStore(t)
	job := store.createMultipart(t, hello)
	before, after := later(server(t, nil), 23*time.Hour), later(server(t, nil), 24*time.Hour)
	if j, err := before.Read(t.Context(), store.owner, job.ID); err != nil || j.Status != Uploading {
		t.Errorf("read before the deadline: got %s, %v, want uploading", j.Status, err)
	}
	refused := func(when string) {
		t.Helper()
		_, err := after.SignParts(t.Context(), store.owner, job.ID, PartsRequest{First: 1, Count: 1})
		if codeOf(err) != CodeExpired {
			t.Errorf("sign parts %s: got %v, want %s", when, err, CodeExpired)
		}
		if _, err := after.ListParts(t.Context(), store.owner, job.ID, 0); codeOf(err) != CodeExpired {
			t.Errorf("list parts %s: got %v, want %s", when, err, CodeExpired)
		}
		if _, err := after.Complete(t.Context(), store.owner, job.ID, nil); codeOf(err) != CodeExpired {
			t.Errorf("complete %s: got %v, want %s", when, err, CodeExpired)
		}
	}
	refused("after the deadline, unseen")
	if store.uploads(t) != 1 {
		t.Error("a refusal freed the parts; reading does")
	}
	if j, err := after.Read(t.Context(), store.owner, job.ID); err != nil || j.Status != Expired {
		t.Errorf("read: got %s, %v, want expired", j.Status, err)
	}
	store.checkGone(t, job.ID, Expired, 0)
	refused("after it was seen")

	store.put(t, job.ID, hello)
	store.checkGone(t, job.ID, Expired, 0)
	store.checkAborts(t, job.ID, 0)
}

// TestCompletionOutlivesDeadline: a completion that was requested before the deadline succeeds after it.
func TestCompletionOutlivesDeadline(t *testing.T) {
	store := newOwnerStore(t)
	job := store.createMultipart(t, hello)
	_, err := server(t, step{assemble, 1}.at(dead, true)).Complete(t.Context(), store.owner, job.ID, nil)
	checkResult(t, "complete", err, true)
	if j, err := later(server(t, nil), 25*time.Hour).Read(t.Context(), store.owner, job.ID); err != nil ||
		j.Status != Completed {
		t.Errorf("read a day later: got %s, %v, want completed", j.Status, err)
	}
	store.checkCompletes(t, job.ID)
}

// TestUploadLost: a job fails if a lifecycle rule removed its parts.
func TestUploadLost(t *testing.T) {
	for name, completing := range map[string]bool{"uploading": false, "completing": true} {
		t.Run(name, func(t *testing.T) {
			store := newOwnerStore(t)
			job := store.createMultipart(t, hello)
			if completing {
				_, err := server(t, step{assemble, 1}.at(dead, true)).Complete(t.Context(), store.owner, job.ID, nil)
				checkResult(t, "complete", err, true)
			}
			s := server(t, nil)
			if err := s.Bucket.AbortMultipart(t.Context(), job.multipart()); err != nil {
				t.Fatal(err)
			}
			if completing { // indistinguishable from the moment between parts and object
				if j, err := s.Read(t.Context(), store.owner, job.ID); err != nil || j.Status != Uploading {
					t.Errorf("read: got %s, %v, want uploading", j.Status, err)
				}
				s = later(s, 2*time.Hour)
			}
			j, err := s.Read(t.Context(), store.owner, job.ID)
			if err != nil || j.Status != Failed || j.Failure.Code != CodeUploadLost {
				t.Errorf("read: got %+v, %v, want failed with %s", j, err, CodeUploadLost)
			}
			if _, err := s.Complete(t.Context(), store.owner, job.ID, nil); codeOf(err) != CodeFailed {
				t.Errorf("complete: got %v, want %s", err, CodeFailed)
			}
		})
	}
}

// TestConcurrentCompletion: some errors of the store mean that the object is being assembled, or exists.
func TestConcurrentCompletion(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
	}{
		{409, "ConditionalRequestConflict"}, {409, "OperationAborted"}, {412, "PreconditionFailed"},
		{404, "NoSuchUpload"}, {200, "NoSuchUpload"}, {200, "PreconditionFailed"},
		{200, "InternalError"}, {500, "InternalError"},
	} {
		t.Run(fmt.Sprint(c.status, c.code), inFakeTime(func(t *testing.T) {
			store := newOwnerStore(t)
			job := store.createMultipart(t, hello)
			w := &wire{on: func(c2 call) fault {
				if c2.kind == assemble {
					return says(c.status, c.code, c2.attempt == 1) // the store has assembled it nevertheless
				}
				return nil
			}}
			if j, err := server(t, w).Complete(t.Context(), store.owner, job.ID, nil); err != nil || j.Status != Completed {
				t.Errorf("complete: got %s, %v, want completed", j.Status, err)
			}
		}))
	}
}

// TestRefusedParts: completions are not repeated without end if the store refuses parts that fit the plan.
func TestRefusedParts(t *testing.T) {
	store := newOwnerStore(t)
	job := store.createMultipart(t, hello)
	w := &wire{on: func(c call) fault {
		if c.kind == assemble {
			return says(400, "EntityTooLarge", false)
		}
		return nil
	}}
	if _, err := server(t, w).Complete(t.Context(), store.owner, job.ID, nil); codeOf(err) != CodePartSizeMismatch {
		t.Errorf("complete: got %v, want %s", err, CodePartSizeMismatch)
	}
	store.checkCompletes(t, job.ID) // with a store that has higher limits
}

// TestRenewal: while the completing server runs, readers do not resume its completion.
func TestRenewal(t *testing.T) { inFakeTime(testRenewal)(t) }

func testRenewal(t *testing.T) {
	store, h := newOwnerStore(t), delayCompletion()
	job := store.createMultipart(t, hello)
	s := server(t, h.wire)
	if j, err := s.Complete(t.Context(), store.owner, job.ID, nil); err != nil || j.Status != Uploading {
		t.Fatalf("complete: got %s, %v, want uploading", j.Status, err)
	}
	<-h.reached
	w := &wire{}
	reader := server(t, w)
	for range 60 { // seconds: beyond the wait after which a claim that is not renewed is taken over
		time.Sleep(time.Second)
		if j, err := reader.Read(t.Context(), store.owner, job.ID); err != nil || j.Status != Uploading {
			t.Fatalf("read meanwhile: got %s, %v, want uploading", j.Status, err)
		}
	}
	if n := w.count[assemble]; n != 0 {
		t.Errorf("the reader completed %d times itself", n)
	}
	close(h.release)
	store.checkCompletes(t, job.ID)
}
