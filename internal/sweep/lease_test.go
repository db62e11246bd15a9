package sweep

import (
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/world"
)

// TestOneHolder: five servers try to acquire the lease repeatedly, while time passes and holders are killed. No two
// have it at the same time.
func TestOneHolder(t *testing.T) {
	w := newCluster(t)
	var all []*server
	for range 5 {
		all = append(all, w.server(nil))
	}
	killed := map[string]bool{}
	for round := range 24 {
		var mu sync.Mutex
		var holders []*server
		var at sync.WaitGroup
		for _, s := range all {
			if killed[s.Holder] {
				continue
			}
			at.Go(func() {
				ours, err := s.tryAcquire(t.Context())
				if err != nil {
					t.Errorf("acquire: %v", err)
				}
				if ours {
					mu.Lock()
					defer mu.Unlock()
					holders = append(holders, s)
				}
			})
		}
		at.Wait()
		st := w.lease()
		held := st.Until.After(w.Now())
		if len(holders) > 1 || !held || len(holders) == 1 && holders[0].Holder != st.Holder {
			t.Fatalf("round %d: %d servers have it, the object says %+v at %s", round, len(holders), st, w.Now())
		}
		if round%6 == 5 && len(holders) == 1 { // and comes back when another has it
			clear(killed)
			killed[holders[0].Holder] = true
		}
		w.Advance(25 * time.Second)
	}
}

// TestLeaseExpires: another server acquires the lease of a killed holder when it has expired, and a released lease at
// once.
func TestLeaseExpires(t *testing.T) {
	w := newCluster(t)
	a, b := w.server(nil), w.server(nil)
	want := func(name string, s *server, want bool) {
		t.Helper()
		if got, err := s.tryAcquire(t.Context()); got != want || err != nil {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, want)
		}
	}
	want("first server", a, true)
	want("first server again", a, true)
	want("second server", b, false)
	w.Advance(leaseDuration - 10*time.Second)
	want("second server, shortly before the lease expires", b, false)
	want("first server, renewal", a, true)
	w.Advance(leaseDuration - 10*time.Second)
	want("second server, after the renewal", b, false)
	w.Advance(11 * time.Second)
	want("second server, after the lease has expired", b, true)
	want("first server, after it lost the lease", a, false)
	if err := a.release(t.Context()); err != nil {
		t.Errorf("release without the lease: %v", err)
	}
	want("second server, still", b, true)
	if err := b.release(t.Context()); err != nil {
		t.Errorf("release: %v", err)
	}
	want("first server, after the release", a, true)
	if _, err := b.RunOnce(t.Context()); !errors.Is(err, ErrLeased) {
		t.Errorf("RunOnce without the lease: got %v, want %v", err, ErrLeased)
	}
	if err := b.RunDue(t.Context()); err != nil {
		t.Errorf("RunDue without the lease: got %v, want nil", err)
	}
}

// TestBrokenLease: with any content of the lease object, one server acquires it, and sweeps start from the beginning.
func TestBrokenLease(t *testing.T) {
	newCluster(t)
	future := time.Now().Add(1000 * time.Hour).UTC()
	encoded := func(st state) string {
		body, err := json.Marshal(st)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	for name, body := range map[string]string{
		"empty": "", "no JSON": "{", "another JSON": `"x"`, "null": "null",
		"another shape":     `{"holder":7,"until":"never"}`,
		"held for too long": encoded(state{Holder: "x", Until: future}),
		"imports inspected until a time in the future": encoded(state{
			marks: marks{InspectedUntil: [inspections]time.Time{future, future, future}},
		}),
		"swept in the future": encoded(state{marks: marks{SweptAt: future}}),
		"held and inspected in the past": encoded(state{Holder: "x", Until: time.Unix(0, 0),
			marks: marks{InspectedUntil: [inspections]time.Time{time.Unix(0, 0), time.Unix(0, 0)}}}),
		"released with an end in the future": encoded(state{Holder: "", Until: future}),
	} {
		t.Run(name, func(t *testing.T) {
			w := newCluster(t)
			j := w.Create(imports.Request{})
			w.Put(leaseKey, body)
			w.Advance(2 * time.Hour)
			s := w.server(nil)
			if err := s.RunDue(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := w.status(j); got != imports.Expired {
				t.Errorf("after a sweep: the record says %s, want expired", got)
			}
		})
	}
}

// TestProgressIsKept: a renewal without a response keeps the progress of sweeps.
func TestProgressIsKept(t *testing.T) {
	w := newCluster(t)
	cut := false
	wire := &world.Wire{OnRequest: func(_ int, kind string) world.Fault {
		if cut && kind == "PUT sweep" {
			return world.KilledAfter
		}
		return nil
	}}
	s := w.server(wire)
	if _, err := s.RunOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := w.lease()
	if ours, err := s.tryAcquire(t.Context()); !ours || err != nil {
		t.Fatalf("acquire: got %v, %v", ours, err)
	}
	w.Advance(40 * time.Second)
	cut = true
	if ours, err := s.tryAcquire(t.Context()); ours && err != nil {
		t.Fatalf("acquire: got %v, %v", ours, err)
	}
	cut = false
	wire.TakeCalls()
	if err := sweepDue(s); err != nil { // as the other loop does, which still has the lease
		t.Fatal(err)
	}
	if after := w.lease(); after.InspectedUntil[0].Before(before.InspectedUntil[0]) ||
		!after.SweptAt.Equal(before.SweptAt) {
		t.Errorf("marks: got %+v, want %+v, as that is not %s ago", after, before, sweepEvery)
	}
}

// TestRun: running servers sweep, one at a time, and release the lease when they stop.
func TestRun(t *testing.T) { world.FakeTime(t, testRun) }

func testRun(t *testing.T) {
	w := newCluster(t)
	j := w.CreateUploaded()
	first := w.server(nil)
	w.read(first, j)
	stop := run(t.Context(), first.Run)
	for until := time.Now().Add(30 * time.Second); len(w.Events()) == 0 || len(w.Keys("outbox/")) > 0; {
		if time.Now().After(until) {
			t.Fatal("nothing was sent")
		}
		time.Sleep(5 * time.Millisecond)
	}
	second := w.server(nil)
	if ours, err := second.tryAcquire(t.Context()); ours || err != nil {
		t.Errorf("acquire while another runs: got %v, %v, want false", ours, err)
	}
	stop()
	if ours, err := second.tryAcquire(t.Context()); !ours || err != nil {
		t.Errorf("acquire after it has stopped: got %v, %v, want true", ours, err)
	}
	w.expect("completed")
}
