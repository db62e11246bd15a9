package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/signpost-s3/signpost/internal/outbox"
	"github.com/signpost-s3/signpost/internal/webhook"
)

// outcome is a terminal status of an import.
type outcome struct{ id, status string }

// testReceiver verifies and records deliveries. It rejects some of them at random.
type testReceiver struct {
	*httptest.Server
	secret      string
	verifier    *standardwebhooks.Webhook
	maxFailures int // per event
	hangs       int // remaining rejections by sending no response
	changed     chan struct{}

	mu         sync.Mutex
	expected   map[outcome]bool // not delivered yet
	delivered  map[outcome]bool // responded to with success
	eventIDs   map[outcome]string
	attempted  map[outcome]chan struct{} // closed by the first attempt
	attemptsOf map[string]int            // by event ID
	failuresOf map[string]int            // by event ID
	failedBy   map[string]int            // by failure mode
	attempts   int
}

// newTestReceiver returns a receiver that fails each event at most maxFailures times, and sends no response to hangs
// deliveries.
func newTestReceiver(t *testing.T, maxFailures, hangs int) *testReceiver {
	t.Helper()
	a := &testReceiver{
		secret: webhook.NewSecret(), maxFailures: maxFailures, hangs: hangs, changed: make(chan struct{}, 1),
		expected: map[outcome]bool{}, delivered: map[outcome]bool{}, eventIDs: map[outcome]string{},
		attempted: map[outcome]chan struct{}{}, attemptsOf: map[string]int{}, failuresOf: map[string]int{},
		failedBy: map[string]int{},
	}
	var err error
	if a.verifier, err = standardwebhooks.NewWebhook(a.secret); err != nil {
		t.Fatal(err)
	}
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.receive(t, w, r)
	}))
	a.Config.ErrorLog = log.New(io.Discard, "", 0)
	a.Start()
	t.Cleanup(a.Close)
	return a
}

// failureMode is a way to reject a delivery.
type failureMode struct {
	name    string
	respond func(http.ResponseWriter, *http.Request)
}

var failureModes = []failureMode{
	{"500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }},
	{"429", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	}},
	{"reset", func(w http.ResponseWriter, _ *http.Request) { hangUp(w, "", 0) }},
	{"half a response", func(w http.ResponseWriter, _ *http.Request) { hangUp(w, "HTTP/1.1 204 No Cont", -1) }},
}

// noResponse is longer than the sender waits.
var noResponse = failureMode{"no response", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}

// hangUp writes text and closes the connection. A linger of 0 resets it.
func hangUp(w http.ResponseWriter, text string, linger int) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	io.WriteString(conn, text)
	conn.(*net.TCPConn).SetLinger(linger)
	conn.Close()
}

// receive checks a delivery and responds to it.
func (a *testReceiver) receive(t *testing.T, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender was killed
	}
	var e outbox.Event
	if err := a.verifier.Verify(body, r.Header); err != nil {
		t.Errorf("a delivery: %v: %v %s", err, r.Header, body)
	} else if err := json.Unmarshal(body, &e); err != nil {
		t.Errorf("a delivery: %v: %s", err, body)
	}
	id, status := r.Header.Get(standardwebhooks.HeaderWebhookID), strings.TrimPrefix(e.Type, "import.")
	if id == "" || id != e.ID || status != e.Data.Status || e.Subject != e.Data.ID || status == "completed" &&
		(e.Data.Object.ETag == "" || e.Data.Size == nil) {
		t.Errorf("a delivery contradicts itself: %v %s", r.Header, body)
	}
	if failure := a.record(t, id, outcome{e.Subject, status}); failure != nil {
		failure.respond(w, r)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// record records an attempt to deliver the event of e, and returns how it fails, or nil.
func (a *testReceiver) record(t *testing.T, id string, e outcome) (failure *failureMode) {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer a.notify()
	a.attempts++
	a.attemptsOf[id]++
	switch other := a.eventIDs[e]; {
	case other == "":
		a.eventIDs[e] = id
		close(a.firstAttempt(e))
	case other != id:
		t.Errorf("%v is delivered as %s and as %s", e, other, id)
	}
	if a.failuresOf[id] < a.maxFailures && rand.IntN(5) == 0 {
		failure = &failureModes[rand.IntN(len(failureModes))]
		if a.hangs > 0 && rand.IntN(20) == 0 {
			a.hangs--
			failure = &noResponse
		}
		a.failuresOf[id]++
		a.failedBy[failure.name]++
		return failure
	}
	a.delivered[e] = true
	delete(a.expected, e)
	return nil
}

// expect records that the event of e must be delivered. It may have been delivered before.
func (a *testReceiver) expect(e outcome) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.delivered[e] {
		a.expected[e] = true
	}
}

// firstAttempt returns a channel that the first attempt closes. a.mu is held.
func (a *testReceiver) firstAttempt(e outcome) chan struct{} {
	if a.attempted[e] == nil {
		a.attempted[e] = make(chan struct{})
	}
	return a.attempted[e]
}

// awaitAttempt waits for the first attempt to deliver the event of e, and reports whether it came within the limit.
func (a *testReceiver) awaitAttempt(e outcome) bool {
	a.mu.Lock()
	attempted := a.firstAttempt(e)
	a.mu.Unlock()
	select {
	case <-attempted:
		return true
	case <-time.After(limit):
		return false
	}
}

func (a *testReceiver) notify() {
	select {
	case a.changed <- struct{}{}:
	default: // the waiter has not read the previous one
	}
}

// awaitDelivered returns once all expected events are delivered.
func (a *testReceiver) awaitDelivered(t *testing.T, patience time.Duration) {
	t.Helper()
	deadline := time.After(patience)
	for {
		a.mu.Lock()
		done := len(a.expected) == 0
		a.mu.Unlock()
		if done {
			return
		}
		select {
		case <-a.changed:
		case <-deadline:
			a.mu.Lock()
			defer a.mu.Unlock()
			t.Fatalf("after %v, %d events are not delivered: %s", patience, len(a.expected), a.missing())
		}
	}
}

// missing returns the first expected outcomes.
func (a *testReceiver) missing() (text string) {
	for e := range a.expected {
		text += fmt.Sprintf("\n  %s %s, tried: %d", e.id, e.status, a.attemptsOf[a.eventIDs[e]])
		if strings.Count(text, "\n") == 10 {
			break
		}
	}
	return text
}

func (a *testReceiver) summary() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return fmt.Sprintf("%d attempts of %d events, failures: %v", a.attempts, len(a.attemptsOf), a.failedBy)
}

// accepted reports whether the event with this ID was delivered.
func (a *testReceiver) accepted(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.attemptsOf[id] > a.failuresOf[id]
}

// checkNothingElse checks that each event is delivered for one outcome, and that the outcome is one of its scenario.
func (a *testReceiver) checkNothingElse(t *testing.T, all []scenarioRun) {
	t.Helper()
	scenarioOf := map[string]scenario{}
	for _, run := range all {
		scenarioOf[run.id] = run.scenario
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	outcomes := map[string]outcome{}
	for e, id := range a.eventIDs {
		if other, twice := outcomes[id]; twice {
			t.Errorf("event %s is delivered for %v and for %v", id, other, e)
		}
		outcomes[id] = e
		if s := scenarioOf[e.id]; !slices.Contains(s.statuses, e.status) {
			t.Errorf("an import that is %s is reported as %s", s.name, e.status)
		}
	}
}
