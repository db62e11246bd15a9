package bucket

import (
	"errors"
	"net/http"
	"testing"
)

// TestStoreFull checks which responses mean a full store. Check reports it until a write succeeds.
func TestStoreFull(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		full   bool
	}{
		{507, "InsufficientStorage", true}, // versitygw
		{507, "XMinioStorageFull", true},
		{400, "XMinioAdminBucketQuotaExceeded", true},
		{403, "QuotaExceeded", true}, // Ceph
		{507, "", true},              // a proxy
		{503, "SlowDown", false},
		{403, "AccessDenied", false},
		{500, "InternalError", false},
	} {
		w := &fakeStore{answer: respond(c.status, c.code)}
		b, _ := openFake(t, w, static())
		if err := b.CreateRecord(t.Context(), "k", nil); errors.Is(err, ErrStoreFull) != c.full {
			t.Errorf("%d %s: got %v, want store full %v", c.status, c.code, err, c.full)
		}
		if err := b.checkSpace(t.Context()); errors.Is(err, ErrStoreFull) != c.full {
			t.Errorf("check after %d %s: got %v, want store full %v", c.status, c.code, err, c.full)
		}
		w.setAnswer(respond(200, ""))
		if err := b.Check(t.Context()); err != nil {
			t.Errorf("check once writes succeed after %d %s: got %v", c.status, c.code, err)
		}
	}
}

// probes is a store of empty objects.
type probes struct {
	keys  map[string]bool
	full  bool
	stops bool // removals fail after a write, as if the process had stopped
	wrote bool
}

func (p *probes) answer(r *http.Request) (*http.Response, error) {
	switch {
	case r.Method == http.MethodPut && p.full:
		return respond(507, "InsufficientStorage")(r)
	case r.Method == http.MethodPut && p.keys[r.URL.Path]:
		return respond(412, "PreconditionFailed")(r)
	case r.Method == http.MethodPut:
		p.keys[r.URL.Path], p.wrote = true, p.stops
	case r.Method == http.MethodDelete && p.wrote:
		return respond(403, "AccessDenied")(r)
	case r.Method == http.MethodDelete:
		delete(p.keys, r.URL.Path)
	}
	return respond(200, "")(r)
}

// TestProbeLeftover checks that processes that stop during a check leave at most one object, which the next check
// removes.
func TestProbeLeftover(t *testing.T) {
	p := &probes{keys: map[string]bool{}}
	check := func() error {
		b, _ := openFake(t, &fakeStore{answer: p.answer}, static())
		p.full, p.wrote = true, false
		if err := b.CreateRecord(t.Context(), "k", nil); !errors.Is(err, ErrStoreFull) {
			t.Fatalf("a write on a full store: got %v", err)
		}
		if err := b.checkSpace(t.Context()); !errors.Is(err, ErrStoreFull) {
			t.Errorf("check of a full store: got %v, want %v", err, ErrStoreFull)
		}
		p.full = false
		return b.checkSpace(t.Context())
	}
	p.stops = true
	for range 3 {
		if err := check(); !errors.Is(err, ErrForbidden) {
			t.Errorf("check that stops before it removes its object: got %v", err)
		}
		if len(p.keys) != 1 {
			t.Errorf("objects left: got %v, want one", p.keys)
		}
	}
	p.stops = false
	if err := check(); err != nil || len(p.keys) != 0 {
		t.Errorf("the next check: got %v and left %v, want nothing", err, p.keys)
	}
}

// TestConcurrentProbes checks that a concurrent probe of another process shows that there is space.
func TestConcurrentProbes(t *testing.T) {
	w := &fakeStore{answer: respond(507, "InsufficientStorage")}
	b, _ := openFake(t, w, static())
	if err := b.CreateRecord(t.Context(), "k", nil); !errors.Is(err, ErrStoreFull) {
		t.Fatalf("a write on a full store: got %v", err)
	}
	w.setAnswer(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPut {
			return respond(412, "PreconditionFailed")(r)
		}
		return respond(204, "")(r)
	})
	if err := b.checkSpace(t.Context()); err != nil {
		t.Errorf("check: got %v, want nil", err)
	}
}
