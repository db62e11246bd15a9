package imports

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// observedServer returns a service, and its requests to the store. After the first inspection of an import, only
// notifications cause another.
func observedServer(t *testing.T) (*Service, *wire) {
	t.Helper()
	w := &wire{}
	s := server(t, w)
	s.Waiters = NewWaiters(2000)
	s.Waiters.minPause, s.Waiters.maxPause = time.Hour, time.Hour
	return s, w
}

func arrived(j Job) bool { return j.Status == Completed }

// createSingle creates an import of one request.
func (s *Service) createSingle(t *testing.T) Job {
	t.Helper()
	job, err := s.Create(t.Context(), Public, Request{}, "")
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// send uploads job's file.
func send(t *testing.T, job Job) {
	t.Helper()
	store := newOwnerStore(t)
	store.owner = job.Owner
	store.put(t, job.ID, []byte("x"))
}

// waiter is a call of Wait in the background.
type waiter struct {
	job Job
	err error
}

func (s *Service) waiter(ctx context.Context, id string, timeout time.Duration) <-chan waiter {
	done := make(chan waiter, 1)
	go func() {
		job, err := s.Wait(ctx, Public, id, arrived, timeout)
		done <- waiter{job, err}
	}()
	return done
}

// TestNotifyWaiters: waiters get a change at once, without an inspection in between.
func TestNotifyWaiters(t *testing.T) { inFakeTime(testNotifyWaiters)(t) }

func testNotifyWaiters(t *testing.T) {
	s, _ := observedServer(t)
	job := s.createSingle(t)
	done := s.waiter(t.Context(), job.ID, time.Minute)
	synctest.Wait()
	send(t, job)
	s.Waiters.Notify(Public, job.ID)
	if got := <-done; got.err != nil || got.job.Status != Completed {
		t.Errorf("Wait: got %s, %v, want completed", got.job.Status, got.err)
	}
}

// TestLaterWaiter: a call that joins others inspects the import at once, because its client may know of a change.
func TestLaterWaiter(t *testing.T) { inFakeTime(testLaterWaiter)(t) }

func testLaterWaiter(t *testing.T) {
	s, _ := observedServer(t)
	job := s.createSingle(t)
	first := s.waiter(t.Context(), job.ID, time.Minute)
	synctest.Wait()
	send(t, job)
	began := time.Now()
	for _, done := range []<-chan waiter{s.waiter(t.Context(), job.ID, time.Minute), first} {
		if got := <-done; got.err != nil || got.job.Status != Completed || time.Since(began) > 0 {
			t.Errorf("Wait: got %s, %v after %s, want completed at once", got.job.Status, got.err, time.Since(began))
		}
	}
}

// TestDeleteNotifiesWaiters: records that this process writes notify waiters.
func TestDeleteNotifiesWaiters(t *testing.T) { inFakeTime(testDeleteNotifiesWaiters)(t) }

func testDeleteNotifiesWaiters(t *testing.T) {
	s, _ := observedServer(t)
	job := s.createSingle(t)
	done := make(chan Job, 1)
	go func() {
		got, _ := s.Wait(t.Context(), Public, job.ID, func(j Job) bool { return j.Status.IsTerminal() }, time.Minute)
		done <- got
	}()
	synctest.Wait()
	if err := s.Delete(t.Context(), Public, job.ID); err != nil {
		t.Fatal(err)
	}
	if got := <-done; got.Status != Aborted {
		t.Errorf("Wait: got %s, want aborted", got.Status)
	}
}

// TestManyWaiters: a thousand concurrent waiters for one import cost a few inspections, not a thousand.
func TestManyWaiters(t *testing.T) { inFakeTime(testManyWaiters)(t) }

func testManyWaiters(t *testing.T) {
	s, w := observedServer(t)
	job := s.createSingle(t)
	w.on = func(call) fault { time.Sleep(time.Millisecond); return nil } // all wait before the first response
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	for range 1000 {
		wg.Go(func() {
			job, err := s.Wait(t.Context(), Public, job.ID, arrived, time.Minute)
			mu.Lock()
			defer mu.Unlock()
			got[fmt.Sprint(job.Status, err)]++
		})
	}
	synctest.Wait()
	if n := s.Waiters.count(); n != 1000 {
		t.Fatalf("%d wait, want 1,000", n)
	}
	send(t, job)
	s.Waiters.Notify(Public, job.ID)
	wg.Wait()
	if want := fmt.Sprint(Completed, error(nil)); got[want] != 1000 {
		t.Errorf("1,000 calls of Wait: got %v, want 1,000 of %q", got, want)
	}
	if n := w.sentAs(head); n > 100 { // each waiter starts an inspection, or shares one that has not started
		t.Errorf("1,000 calls of Wait: %d inspections, want a few", n)
	}
	if n := s.Waiters.count(); n != 0 || len(s.Waiters.watches) != 0 {
		t.Errorf("afterwards %d wait for %d imports, want none", n, len(s.Waiters.watches))
	}
}

func (r *Waiters) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.waiting
}

// TestWaitEnds lists what ends a wait without a change, and its result.
func TestWaitEnds(t *testing.T) {
	gone := errors.New("gone")
	for _, c := range []struct {
		name    string
		timeout time.Duration
		id      string // empty: that of an import without an object
		end     func(s *Service, leave func())
		wantErr func(error) bool
	}{
		{"no timeout", 0, "", nil, nil},
		{"timeout ends", time.Millisecond, "", nil, nil},
		{"released", time.Minute, "", func(s *Service, _ func()) { s.Waiters.Release() }, nil},
		{"released twice", time.Minute, "", func(s *Service, _ func()) { s.Waiters.Release(); s.Waiters.Release() }, nil},
		{"the caller leaves", time.Minute, "", func(_ *Service, leave func()) { leave() },
			func(err error) bool { return errors.Is(err, context.Canceled) }},
		{"no such import", time.Minute, "01890000-0000-7000-8000-000000000000", nil,
			func(err error) bool { return isKind(err, NotFound) }},
		{"no id", time.Minute, "../x", nil, func(err error) bool { return isKind(err, NotFound) }},
	} {
		t.Run(c.name, inFakeTime(func(t *testing.T) {
			s, _ := observedServer(t)
			job := s.createSingle(t)
			if c.id == "" {
				c.id = job.ID
			}
			ctx, leave := context.WithCancelCause(t.Context())
			done := s.waiter(ctx, c.id, c.timeout)
			if c.end != nil {
				synctest.Wait()
				c.end(s, func() { leave(gone) })
			}
			got := <-done
			leave(nil)
			if c.wantErr != nil && !c.wantErr(got.err) {
				t.Errorf("Wait: got %s, %v, want another error", got.job.Status, got.err)
			}
			if c.wantErr == nil && (got.err != nil || got.job.Status != AwaitingUpload || got.job.Upload == nil) {
				t.Errorf("Wait: got %s, %v, want the import as it is, with its request", got.job.Status, got.err)
			}
		}))
	}
}

// TestReleaseWaiters: calls after Waiters.Release return at once.
func TestReleaseWaiters(t *testing.T) { inFakeTime(testReleaseWaiters)(t) }

func testReleaseWaiters(t *testing.T) {
	s, _ := observedServer(t)
	job := s.createSingle(t)
	s.Waiters.Release()
	if got, err := s.Wait(t.Context(), Public, job.ID, arrived, time.Hour); err != nil || got.Status != AwaitingUpload {
		t.Errorf("Wait: got %s, %v, want awaiting_upload at once", got.Status, err)
	}
}

// TestWaiterLimit: a call beyond the limit of waiters returns at once.
func TestWaiterLimit(t *testing.T) { inFakeTime(testWaiterLimit)(t) }

func testWaiterLimit(t *testing.T) {
	s, _ := observedServer(t)
	job := s.createSingle(t)
	s.Waiters.waiting = 2000
	if got, err := s.Wait(t.Context(), Public, job.ID, arrived, time.Hour); err != nil || got.Status != AwaitingUpload {
		t.Errorf("Wait: got %s, %v, want awaiting_upload at once", got.Status, err)
	}
}

// TestWaitByOtherOwner: waiting for another owner's import is waiting for none, and does not reveal it.
func TestWaitByOtherOwner(t *testing.T) { inFakeTime(testWaitByOtherOwner)(t) }

func testWaitByOtherOwner(t *testing.T) {
	s, _ := observedServer(t)
	job := s.createSingle(t)
	done := s.waiter(t.Context(), job.ID, time.Minute)
	synctest.Wait()
	if _, err := s.Wait(t.Context(), "key-bob", job.ID, arrived, time.Minute); !isKind(err, NotFound) {
		t.Errorf("Wait as another owner: got %v, want NotFound", err)
	}
	send(t, job)
	s.Waiters.Notify(Public, job.ID)
	if got := <-done; got.err != nil || got.job.Status != Completed {
		t.Errorf("Wait: got %s, %v, want completed", got.job.Status, got.err)
	}
}

// TestStoreUnavailableWhileWaiting: a short failure of the store does not end a wait.
func TestStoreUnavailableWhileWaiting(t *testing.T) { inFakeTime(testStoreUnavailableWhileWaiting)(t) }

func testStoreUnavailableWhileWaiting(t *testing.T) {
	var away atomic.Bool
	s, w := observedServer(t)
	w.on = func(call) fault {
		if away.Load() {
			return says(503, "SlowDown", false)
		}
		return nil
	}
	job := s.createSingle(t)
	done := s.waiter(t.Context(), job.ID, time.Minute)
	synctest.Wait()
	away.Store(true)
	s.Waiters.Notify(Public, job.ID)
	time.Sleep(10 * time.Second)
	away.Store(false)
	select {
	case got := <-done:
		t.Fatalf("Wait: got %s, %v while the store was away", got.job.Status, got.err)
	default:
	}
	send(t, job)
	s.Waiters.Notify(Public, job.ID)
	if got := <-done; got.err != nil || got.job.Status != Completed {
		t.Errorf("Wait: got %s, %v, want completed", got.job.Status, got.err)
	}
}
