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

// end is of an import, and how: completed, aborted and so on.
type end struct{ id, how string }

// audience is a receiver in a bad mood: at random it fails an event. It remembers all that it was told, and what was
// wrong with it.
type audience struct {
	*httptest.Server
	secret   string
	verifier *standardwebhooks.Webhook
	fails    int // how often it fails one event at most
	hangs    int // how often it does so by giving no answer at all
	moved    chan struct{}

	mu       sync.Mutex
	wanted   map[end]bool          // not told yet
	told     map[end]bool          // answered with success
	names    map[end]string        // ids of events
	first    map[end]chan struct{} // closed by the first attempt
	tries    map[string]int        // by id
	failed   map[string]int
	moods    map[string]int
	attempts int
}

func newAudience(t *testing.T, fails, hangs int) *audience {
	t.Helper()
	a := &audience{
		secret: webhook.NewSecret(), fails: fails, hangs: hangs, moved: make(chan struct{}, 1),
		wanted: map[end]bool{}, told: map[end]bool{}, names: map[end]string{}, first: map[end]chan struct{}{},
		tries: map[string]int{}, failed: map[string]int{}, moods: map[string]int{},
	}
	var err error
	if a.verifier, err = standardwebhooks.NewWebhook(a.secret); err != nil {
		t.Fatal(err)
	}
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter,
		r *http.Request) {
		a.take(t, w, r)
	}))
	a.Config.ErrorLog = log.New(io.Discard, "", 0)
	a.Start()
	t.Cleanup(a.Close)
	return a
}

// mood is a way not to take an event.
type mood struct {
	name   string
	answer func(http.ResponseWriter, *http.Request)
}

var moods = []mood{
	{"500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }},
	{"429", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	}},
	{"reset", func(w http.ResponseWriter, _ *http.Request) { hangUp(w, "", 0) }},
	{"half an answer", func(w http.ResponseWriter, _ *http.Request) { hangUp(w, "HTTP/1.1 204 No Cont", -1) }},
}

// noAnswer is longer than the sender waits.
var noAnswer = mood{"no answer", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}

// hangUp says no more than that; with a linger of 0, the connection is reset.
func hangUp(w http.ResponseWriter, said string, linger int) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	io.WriteString(conn, said)
	conn.(*net.TCPConn).SetLinger(linger)
	conn.Close()
}

func (a *audience) take(t *testing.T, w http.ResponseWriter, r *http.Request) {
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
	id, how := r.Header.Get(standardwebhooks.HeaderWebhookID), strings.TrimPrefix(e.Type, "import.")
	if id == "" || id != e.ID || how != e.Data.Status || e.Subject != e.Data.ID || how == "completed" &&
		(e.Data.Object.ETag == "" || e.Data.Size == nil) {
		t.Errorf("a delivery contradicts itself: %v %s", r.Header, body)
	}
	if mood := a.note(t, id, end{e.Subject, how}); mood != nil {
		mood.answer(w, r)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// note remembers an attempt to tell of e under that id, and returns the mood it meets; nil: it is taken.
func (a *audience) note(t *testing.T, id string, e end) (met *mood) {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer a.move()
	a.attempts++
	a.tries[id]++
	switch other := a.names[e]; {
	case other == "":
		a.names[e] = id
		close(a.attempt(e))
	case other != id:
		t.Errorf("%v is delivered as %s and as %s", e, other, id)
	}
	if a.failed[id] < a.fails && rand.IntN(5) == 0 {
		met = &moods[rand.IntN(len(moods))]
		if a.hangs > 0 && rand.IntN(20) == 0 {
			a.hangs--
			met = &noAnswer
		}
		a.failed[id]++
		a.moods[met.name]++
		return met
	}
	a.told[e] = true
	delete(a.wanted, e)
	return nil
}

// expect says that e must be told, sooner or later; it may have been already.
func (a *audience) expect(e end) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.told[e] {
		a.wanted[e] = true
	}
}

// attempt is closed by the first attempt to tell of e; a.mu is held.
func (a *audience) attempt(e end) chan struct{} {
	if a.first[e] == nil {
		a.first[e] = make(chan struct{})
	}
	return a.first[e]
}

// awaitAttempt returns once a delivery of e is attempted, and reports whether that was before the limit.
func (a *audience) awaitAttempt(e end) bool {
	a.mu.Lock()
	tried := a.attempt(e)
	a.mu.Unlock()
	select {
	case <-tried:
		return true
	case <-time.After(limit):
		return false
	}
}

func (a *audience) move() {
	select {
	case a.moved <- struct{}{}:
	default: // the waiter has not read the previous one
	}
}

// awaitAll returns once all expected events are delivered.
func (a *audience) awaitAll(t *testing.T, patience time.Duration) {
	t.Helper()
	deadline := time.After(patience)
	for {
		a.mu.Lock()
		done := len(a.wanted) == 0
		a.mu.Unlock()
		if done {
			return
		}
		select {
		case <-a.moved:
		case <-deadline:
			a.mu.Lock()
			defer a.mu.Unlock()
			t.Fatalf("not all that ended was told after %v: %d are missing: %s", patience, len(a.wanted), a.missing())
		}
	}
}

// missing are enough of what is wanted to look for it in a log.
func (a *audience) missing() (text string) {
	for e := range a.wanted {
		if text += fmt.Sprintf("\n  %s %s, tried: %d", e.id, e.how, a.tries[a.names[e]]); strings.Count(text, "\n") == 10 {
			break
		}
	}
	return text
}

func (a *audience) summary() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return fmt.Sprintf("%d attempts at %d events, failed by %v", a.attempts, len(a.tries), a.moods)
}

// knows reports whether it took the event of that id.
func (a *audience) knows(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tries[id] > a.failed[id]
}

// wantNothingElse holds what was told to what happened.
func (a *audience) wantNothingElse(t *testing.T, all []lived) {
	t.Helper()
	fates := map[string]fate{}
	for _, l := range all {
		fates[l.id] = l.fate
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	of := map[string]end{}
	for e, id := range a.names {
		if other, twice := of[id]; twice {
			t.Errorf("event %s is delivered for %v and for %v", id, other, e)
		}
		of[id] = e
		if fate := fates[e.id]; !slices.Contains(fate.ends, e.how) {
			t.Errorf("an import that is %s is reported as %s", fate.name, e.how)
		}
	}
}
