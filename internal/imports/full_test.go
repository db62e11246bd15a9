package imports

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fullUntil is the wire of a server whose store has no space for records until room returns true.
func fullUntil(room func(call) bool) *wire {
	return &wire{on: func(c call) fault {
		if c.kind == putRecord && !room(c) {
			return says(507, "InsufficientStorage", false)
		}
		return nil
	}}
}

// fullUntilFreed is the wire of a server whose store has space again once that server has removed an object, which it
// does after the parts.
func fullUntilFreed() *wire {
	freed := false
	w := fullUntil(func(call) bool { return freed })
	full := w.on
	w.on = func(c call) fault {
		freed = freed || c.kind == remove
		return full(c)
	}
	return w
}

// deletable are the imports whose data fills a full store and must be removed.
var deletable = map[string]func(t *testing.T, store ownerStore) string{
	"uploading": func(t *testing.T, store ownerStore) string { return store.createMultipart(t, hello).ID },
	"completed": func(t *testing.T, store ownerStore) string {
		id := store.createMultipart(t, hello).ID
		store.checkCompletes(t, id)
		return id
	},
}

// checkEmpty requires that the store holds nothing of an import but its record.
func (store ownerStore) checkEmpty(t *testing.T, id string) {
	t.Helper()
	if store.object(t, id) != nil || store.uploads(t) != 0 {
		t.Error("the store still holds data of the deleted import")
	}
}

// TestDeleteFreesSpace: on a full store, DELETE removes the data first. That makes room for the record.
func TestDeleteFreesSpace(t *testing.T) {
	for name, prepare := range deletable {
		t.Run(name, func(t *testing.T) {
			store := newOwnerStore(t)
			id := prepare(t, store)
			w := fullUntilFreed()
			if err := server(t, w).Delete(t.Context(), store.owner, id); err != nil {
				t.Errorf("delete: got %v, want nil", err)
			}
			store.checkGone(t, id, Aborted, 0)
		})
	}
}

// TestDeleteOnFullStore: if removing the data makes no room, each DELETE fails with store-full, the data is gone and
// the import is readable. DELETE succeeds once there is room.
func TestDeleteOnFullStore(t *testing.T) {
	for name, prepare := range deletable {
		t.Run(name, func(t *testing.T) {
			store := newOwnerStore(t)
			id := prepare(t, store)
			w := fullUntil(func(call) bool { return false })
			for range 3 {
				if err := server(t, w).Delete(t.Context(), store.owner, id); codeOf(err) != CodeStoreFull {
					t.Errorf("delete: got %v, want %s", err, CodeStoreFull)
				}
				store.checkEmpty(t, id)
				if _, err := later(server(t, w), time.Minute).Read(t.Context(), store.owner, id); err != nil {
					t.Errorf("read: got %v, want the import", err)
				}
			}
			store.checkAborts(t, id, 0)
		})
	}
}

// TestDeleteOnFullStoreKilled kills a server between any two calls of a DELETE that frees the data first. Another one
// reads the import and repeats the DELETE, on a store that is still full and on one that has room.
func TestDeleteOnFullStoreKilled(t *testing.T) {
	const steps = 8 // getRecord, twice putRecord (507), abort, remove, putRecord, and once more abort and remove
	for name, prepare := range deletable {
		for n := range steps + 1 {
			t.Run(fmt.Sprintf("%s after %d calls", name, n), inFakeTime(func(t *testing.T) {
				store := newOwnerStore(t)
				id := prepare(t, store)
				w := fullUntilFreed()
				full := w.on
				w.on = func(c call) fault {
					if c.seq > n {
						return dead
					}
					return full(c)
				}
				err := server(t, w).Delete(t.Context(), store.owner, id)
				if n < steps && codeOf(err) != CodeStoreUnavailable || n == steps && err != nil {
					t.Errorf("delete: got %v after %v", err, w.calls)
				}
				if n == steps && w.sent() != steps {
					t.Errorf("made %d calls, want %d: %v", w.sent(), steps, w.calls)
				}
				stillFull := later(server(t, fullUntil(func(call) bool { return false })), time.Minute)
				if _, err := stillFull.Read(t.Context(), store.owner, id); err != nil {
					t.Errorf("read on a full store: %v", err)
				}
				if err := stillFull.Delete(t.Context(), store.owner, id); err != nil && codeOf(err) != CodeStoreFull {
					t.Errorf("delete on a full store: got %v, want nil or %s", err, CodeStoreFull)
				}
				store.checkEmpty(t, id)
				store.checkAborts(t, id, 0)
			}))
		}
	}
}

// TestDeletesAtOnceOnFullStore: each of many concurrent DELETE calls makes room or returns store-full. Nothing is left.
func TestDeletesAtOnceOnFullStore(t *testing.T) {
	for name, prepare := range deletable {
		for _, makesRoom := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, makes room %v", name, makesRoom), inFakeTime(func(t *testing.T) {
				store := newOwnerStore(t)
				id := prepare(t, store)
				var freed atomic.Bool
				var all sync.WaitGroup
				for range 8 {
					w := fullUntil(func(call) bool { return freed.Load() })
					full := w.on
					w.on = func(c call) fault {
						if c.kind != remove {
							return full(c)
						}
						return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
							response, err := next.RoundTrip(r)
							freed.Store(makesRoom)
							return response, err
						}
					}
					s := server(t, w)
					all.Go(func() {
						want := ""
						if !makesRoom {
							want = CodeStoreFull
						}
						if err := s.Delete(t.Context(), store.owner, id); codeOf(err) != want {
							t.Errorf("delete: got %v, want %q", err, want)
						}
					})
				}
				all.Wait()
				store.checkEmpty(t, id)
				store.checkAborts(t, id, 0)
			}))
		}
	}
}

// TestDeleteDuringCompletionOnFullStore: the object that a completion in progress makes after the data was freed goes
// with the next DELETE.
func TestDeleteDuringCompletionOnFullStore(t *testing.T) {
	for name, after := range map[string]bool{"before the store acts": false, "after the store acted": true} {
		t.Run(name, inFakeTime(func(t *testing.T) {
			store := newOwnerStore(t)
			id := store.createMultipart(t, hello).ID
			full := fullUntil(func(call) bool { return false })
			deletes := func() {
				if err := server(t, full).Delete(t.Context(), store.owner, id); codeOf(err) != CodeStoreFull {
					t.Errorf("delete: got %v, want %s", err, CodeStoreFull)
				}
			}
			w := &wire{on: func(c call) fault {
				if c.kind != assemble {
					return nil
				}
				return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
					if !after {
						deletes()
						return next.RoundTrip(r)
					}
					response, err := next.RoundTrip(r)
					deletes()
					return response, err
				}
			}}
			if j, err := server(t, w).Complete(t.Context(), store.owner, id, nil); err != nil || j.Status != Uploading {
				t.Errorf("complete: got %s, %v, want it uploading, as recorded", j.Status, err)
			}
			store.checkAborts(t, id, 0)
		}))
	}
}
