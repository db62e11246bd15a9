package bucket

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sony/gobreaker/v2"
)

// listKeys makes n successive calls and returns the last error.
func listKeys(ctx context.Context, b *Bucket, n int) (err error) {
	for range n {
		_, _, err = b.List(ctx, "k", "", 1)
	}
	return err
}

// TestOpening checks which errors open the circuit, in pairs at the limit.
func TestOpening(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(*http.Request) (*http.Response, error)
		opens  bool
	}{
		{"503", respond(503, "SlowDown"), false},
		{"500", respond(500, "InternalError"), false},
		{"429", respond(429, "TooManyRequests"), false},
		{"507", respond(507, "InsufficientStorage"), false},
		{"reset", failWith(syscall.ECONNRESET), true},
		{"no answer", hang, true},
		{"404", respond(404, "NoSuchKey"), false},
		{"412", respond(412, "PreconditionFailed"), false},
		{"403", respond(403, "AccessDenied"), false},
		{"409", respond(409, "OperationAborted"), false},
		{"400", respond(400, "InvalidRequest"), false},
		{"a call that the store does not know", respond(501, "NotImplemented"), false},
		{"token expired", respond(400, "ExpiredToken"), false},
		{"200", respond(200, ""), false},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &fakeStore{answer: c.answer}
			b, _ := openFake(t, w, static())
			if err := listKeys(t.Context(), b, openAfter-1); errors.Is(err, errCircuitOpen) {
				t.Errorf("%s: cut after %d calls, want one more", c.name, openAfter-1)
			}
			if err := listKeys(t.Context(), b, 1); errors.Is(err, errCircuitOpen) || w.count() != openAfter {
				t.Errorf("%s: got %v and %d requests, want %d", c.name, err, w.count(), openAfter)
			}
			began := time.Now()
			err := listKeys(t.Context(), b, 100)
			if errors.Is(err, errCircuitOpen) != c.opens || (w.count() == openAfter) != c.opens {
				t.Errorf("%s: got %v and %d requests, want open %v", c.name, err, w.count(), c.opens)
			}
			if c.opens && (!errors.Is(err, ErrUnavailable) || time.Since(began) > 0) {
				t.Errorf("%s: got %v after %s, want ErrUnavailable at once", c.name, err, time.Since(began))
			}
		})
	}
}

// TestConsecutiveFailures checks that only consecutive failures open the circuit.
func TestConsecutiveFailures(t *testing.T) {
	w := &fakeStore{}
	b, _ := openFake(t, w, static())
	for range 5 {
		w.setAnswer(failWith(syscall.ECONNRESET))
		listKeys(t.Context(), b, openAfter-1)
		w.setAnswer(respond(404, "NoSuchKey"))
		if err := listKeys(t.Context(), b, 1); !errors.Is(err, ErrNotFound) {
			t.Fatalf("List: got %v, want ErrNotFound", err)
		}
	}
}

// TestRecovery checks that an open circuit sends one probe after openTime. A failed probe opens it again; any
// response closes it.
func TestRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeStore{answer: failWith(syscall.ECONNREFUSED)}
		b, outcomes := openFake(t, w, static())
		listKeys(t.Context(), b, openAfter)
		for range 3 {
			w.setAnswer(failWith(syscall.ECONNREFUSED))
			if err := listKeys(t.Context(), b, 1); !errors.Is(err, errCircuitOpen) {
				t.Fatalf("List of an open circuit: got %v, want it cut", err)
			}
			time.Sleep(openTime + 1)
			if err := listKeys(t.Context(), b, 5); !errors.Is(err, errCircuitOpen) || w.count() != 1 {
				t.Fatalf("List after %s: got %v and %d requests, want one and the others cut", openTime, err, w.count())
			}
		}
		time.Sleep(openTime + 1)
		w.setAnswer(respond(404, "NoSuchKey"))
		if err := listKeys(t.Context(), b, 5); !errors.Is(err, ErrNotFound) || w.count() != 5 {
			t.Errorf("List once the store is back: got %v and %d requests, want 5", err, w.count())
		}
		if got := outcomes(); got[openAfter-1] != "ListObjectsV2 unavailable" || got[openAfter] != "ListObjectsV2 cut" ||
			got[len(got)-1] != "ListObjectsV2 not-found" {
			t.Errorf("hooks received %q", got)
		}
	})
}

// TestRecoveryOfConcurrentCalls checks that concurrent calls succeed as soon as a store has recovered.
func TestRecoveryOfConcurrentCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeStore{answer: failWith(syscall.ECONNREFUSED)}
		b, _ := openFake(t, w, static())
		listKeys(t.Context(), b, openAfter)
		w.setAnswer(func(r *http.Request) (*http.Response, error) {
			time.Sleep(probeWait / 2)
			return respond(404, "NoSuchKey")(r)
		})
		time.Sleep(openTime + 1)
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				if err := listKeys(t.Context(), b, 1); !errors.Is(err, ErrNotFound) {
					t.Errorf("List once the store is back: got %v, want its answer", err)
				}
			})
			time.Sleep(time.Microsecond)
		}
		all.Wait()
	})
}

// TestUnresponsiveStore checks that a store that accepts connections and never answers delays each of many callers
// once. After that it delays only the probe, and other calls wait a short time for the probe's result.
func TestUnresponsiveStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := openFake(t, &fakeStore{answer: hang}, static())
		wave := func() (waited time.Duration) {
			var all sync.WaitGroup
			var mu sync.Mutex
			for range 64 {
				all.Go(func() {
					began := time.Now()
					if err := listKeys(t.Context(), b, 1); !errors.Is(err, ErrUnavailable) {
						t.Errorf("List: got %v, want ErrUnavailable", err)
					}
					mu.Lock()
					defer mu.Unlock()
					waited += time.Since(began)
				})
			}
			all.Wait()
			return waited
		}
		for i, want := range []time.Duration{64 * callTimeout, 0, 0} {
			if got := wave(); got != want {
				t.Errorf("wave %d: 64 callers waited %s in all, want %s", i+1, got, want)
			}
		}
		time.Sleep(openTime + 1)
		if got, most := wave(), callTimeout+63*probeWait; got < callTimeout || got > most {
			t.Errorf(
				"wave after %s: 64 callers waited %s in all, want one of them %s, and the others %s at most",
				openTime,
				got,
				callTimeout,
				probeWait,
			)
		}
	})
}

// TestInconclusiveErrors checks that cancellations and missing credentials neither open nor close the circuit.
func TestInconclusiveErrors(t *testing.T) {
	gone := func(t *testing.T) context.Context {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		return ctx
	}
	impatient := func(t *testing.T) context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		t.Cleanup(cancel)
		return ctx
	}
	patient := func(t *testing.T) context.Context { return t.Context() }
	for _, c := range []struct {
		name   string
		caller func(*testing.T) context.Context
		keys   error
	}{
		{"cancelled", gone, nil},
		{"caller's own deadline", impatient, nil},
		{"no credentials", patient, errors.New("no role")},
	} {
		synctest.Test(t, func(t *testing.T) {
			w, keys := &fakeStore{}, &keys{}
			b, _ := openFake(t, w, keys)
			w.setAnswer(hang)
			keys.fail(c.keys)
			for range 3 * openAfter {
				if err := listKeys(c.caller(t), b, 1); err == nil || errors.Is(err, errCircuitOpen) {
					t.Fatalf("%s: got %v, want it sent", c.name, err)
				}
			}
			w.setAnswer(failWith(syscall.ECONNRESET))
			keys.fail(nil)
			listKeys(t.Context(), b, openAfter)
			time.Sleep(openTime + 1)
			w.setAnswer(hang)
			keys.fail(c.keys)
			for range 3 {
				listKeys(c.caller(t), b, 1)
			}
			if got := b.circuit.breaker.State(); got != gobreaker.StateHalfOpen {
				t.Errorf("%s: got the circuit %s, want it half open", c.name, got)
			}
			w.setAnswer(respond(200, ""))
			keys.fail(nil)
			began := time.Now()
			if err := listKeys(t.Context(), b, 2); err != nil || time.Since(began) > 0 {
				t.Errorf("%s: then got %v after %s, want nil at once", c.name, err, time.Since(began))
			}
		})
	}
}

// TestSlowCalls checks that a completion is never the probe for which other calls wait.
func TestSlowCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeStore{answer: failWith(syscall.ECONNRESET)}
		b, _ := openFake(t, w, static())
		listKeys(t.Context(), b, openAfter)
		if err := b.CompleteMultipart(t.Context(), inProgress, nil, ""); !errors.Is(err, errCircuitOpen) {
			t.Errorf("CompleteMultipart of an open circuit: got %v, want it cut", err)
		}
		time.Sleep(openTime + 1)
		w.setAnswer(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodGet {
				time.Sleep(time.Minute)
			}
			return respond(200, "")(r)
		})
		var all sync.WaitGroup
		all.Go(func() {
			if err := b.CompleteMultipart(t.Context(), inProgress, nil, ""); err != nil {
				t.Errorf("CompleteMultipart: got %v, want nil", err)
			}
		})
		synctest.Wait()
		if err := listKeys(t.Context(), b, 2); err != nil {
			t.Errorf("List meanwhile: got %v, want nil", err)
		}
		all.Wait()
	})
}

// TestCheckBypassesCircuit checks that Check bypasses an open circuit, and does not close it.
func TestCheckBypassesCircuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeStore{answer: failWith(syscall.ECONNRESET)}
		b, _ := openFake(t, w, static())
		for range 2 * openAfter {
			if err := b.Check(t.Context()); !errors.Is(err, ErrUnavailable) || errors.Is(err, errCircuitOpen) {
				t.Fatalf("Check: got %v, want the store's own failure", err)
			}
		}
		if err := listKeys(t.Context(), b, openAfter); errors.Is(err, errCircuitOpen) {
			t.Fatalf("List: got %v, want it sent", err)
		}
		w.setAnswer(respond(200, ""))
		if err := b.Check(t.Context()); err != nil || w.count() != 1 {
			t.Errorf("Check: got %v and %d requests, want nil and 1", err, w.count())
		}
		if err := listKeys(t.Context(), b, 1); !errors.Is(err, errCircuitOpen) {
			t.Errorf("List: got %v, want it cut", err)
		}
	})
}
