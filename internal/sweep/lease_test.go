package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/imports"
)

// lease returns the lease object.
func (w *world) lease() (st state) {
	w.Helper()
	out, err := w.store.GetObject(w.Context(), &s3.GetObjectInput{Bucket: &w.bucket, Key: aws.String(leaseKey)})
	if err != nil {
		w.Fatal(err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err == nil {
		err = json.Unmarshal(body, &st)
	}
	if err != nil {
		w.Fatal(err)
	}
	return st
}

// TestOneHolder: five servers try to acquire the lease repeatedly, while time passes and holders are killed. No two
// have it at the same time.
func TestOneHolder(t *testing.T) {
	w := newWorld(t)
	var all []*server
	for range 5 {
		all = append(all, w.server(nil))
	}
	deadHolders := map[string]bool{}
	for round := range 24 {
		var mu sync.Mutex
		var holders []*server
		var at sync.WaitGroup
		for _, s := range all {
			if deadHolders[s.Holder] {
				continue
			}
			at.Go(func() {
				ours, err := s.acquire(t.Context())
				if err != nil {
					t.Errorf("hold: %v", err)
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
		held := st.Until.After(w.now())
		if len(holders) > 1 || len(holders) == 0 && !held || len(holders) == 1 && (holders[0].Holder != st.Holder || !held) {
			t.Fatalf("round %d: %d servers have it, the object says %+v at %s", round, len(holders), st, w.now())
		}
		if round%6 == 5 && len(holders) == 1 { // and comes back when another has it
			clear(deadHolders)
			deadHolders[holders[0].Holder] = true
		}
		w.pass(25 * time.Second)
	}
}

// TestLeaseExpires: another server acquires the lease of a killed holder when it has expired, and a released lease at
// once.
func TestLeaseExpires(t *testing.T) {
	w := newWorld(t)
	a, b := w.server(nil), w.server(nil)
	want := func(doing string, s *server, want bool) {
		t.Helper()
		if got, err := s.acquire(t.Context()); got != want || err != nil {
			t.Errorf("%s: got %v, %v, want %v", doing, got, err, want)
		}
	}
	want("the first", a, true)
	want("again", a, true)
	want("another", b, false)
	w.pass(leaseDuration - 10*time.Second)
	want("another, near its end", b, false)
	want("renewed", a, true)
	w.pass(leaseDuration - 10*time.Second)
	want("another, after it was renewed", b, false)
	w.pass(11 * time.Second)
	want("another, after its life", b, true)
	want("the first, which was gone", a, false)
	if err := a.release(t.Context()); err != nil {
		t.Errorf("release of what one has not: %v", err)
	}
	want("the other, still", b, true)
	if err := b.release(t.Context()); err != nil {
		t.Errorf("release: %v", err)
	}
	want("the first, after it was handed over", a, true)
	if _, err := b.RunOnce(t.Context()); !errors.Is(err, ErrLeased) {
		t.Errorf("sweep of one without the lease: got %v, want %v", err, ErrLeased)
	}
	if err := b.RunDue(t.Context()); err != nil {
		t.Errorf("what is due, without the lease: got %v, want nothing", err)
	}
}

// TestBrokenLease: with any content of the lease object, one server acquires it, and sweeps start from the beginning.
func TestBrokenLease(t *testing.T) {
	newWorld(t)
	future := time.Now().Add(1000 * time.Hour).UTC()
	encoded := func(st state) string {
		body, err := json.Marshal(st)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	for name, body := range map[string]string{
		"empty": "", "no JSON": "{", "another JSON": `"x"`, "null": "null", "another shape": `{"holder":7,"until":"never"}`,
		"held for too long": encoded(state{Holder: "x", Until: future}),
		"settled in time to come": encoded(state{marks: marks{InspectedUntil: [inspections]time.Time{future, future,
			future}}}),
		"looked in time to come": encoded(state{marks: marks{SweptAt: future}}),
		"held and marked in the past": encoded(state{Holder: "x", Until: time.Unix(0, 0),
			marks: marks{InspectedUntil: [inspections]time.Time{time.Unix(0, 0), time.Unix(0, 0)}}}),
		"of its own, from before time": encoded(state{Holder: "", Until: future}),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			j := w.create(imports.Request{})
			w.put(leaseKey, []byte(body))
			w.pass(2 * time.Hour)
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

// status returns the recorded status of j.
func (w *world) status(j imports.Job) imports.Status {
	w.Helper()
	for _, recorded := range w.records(owner) {
		if recorded.ID == j.ID {
			return recorded.Status
		}
	}
	return ""
}

// TestMarksDoNotGoBack: a renewal without a response keeps the progress of sweeps.
func TestMarksDoNotGoBack(t *testing.T) {
	w := newWorld(t)
	cut := false
	line := &wire{on: func(_ int, kind string) fault {
		if cut && kind == "PUT sweep" {
			return unanswered
		}
		return nil
	}}
	s := w.server(line)
	if _, err := s.RunOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := w.lease()
	if ours, err := s.acquire(t.Context()); !ours || err != nil {
		t.Fatalf("hold: got %v, %v", ours, err)
	}
	w.pass(40 * time.Second)
	cut = true
	if ours, err := s.acquire(t.Context()); ours && err != nil {
		t.Fatalf("hold: got %v, %v", ours, err)
	}
	cut = false
	line.taken()
	if err := s.sweepDue(t.Context()); err != nil { // as the other loop does, which has the lease for all that it knows
		t.Fatal(err)
	}
	if after := w.lease(); after.InspectedUntil[0].Before(before.InspectedUntil[0]) ||
		!after.SweptAt.Equal(before.SweptAt) {
		t.Errorf("marks: got %+v, want %+v, as that is not %s ago", after, before, sweepEvery)
	}
}

// TestRun: running servers sweep, one at a time, and release the lease when they stop.
func TestRun(t *testing.T) {
	w := newWorld(t)
	j := w.arrived()
	first := w.server(nil)
	if _, err := first.Read(t.Context(), owner, j.ID); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { first.Run(ctx); close(ended) }()
	for until := time.Now().Add(30 * time.Second); len(w.ends()) == 0 || len(w.keys("outbox/")) > 0; {
		if time.Now().After(until) {
			t.Fatal("nothing was sent")
		}
		time.Sleep(5 * time.Millisecond)
	}
	second := w.server(nil)
	if ours, err := second.acquire(t.Context()); ours || err != nil {
		t.Errorf("hold while another runs: got %v, %v, want false", ours, err)
	}
	stop()
	<-ended
	if ours, err := second.acquire(t.Context()); !ours || err != nil {
		t.Errorf("hold after it has stopped: got %v, %v, want true", ours, err)
	}
	w.expect("completed")
}
