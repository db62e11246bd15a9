//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
)

const (
	// callLimit is longer than the service takes for anything: a delete may read, write, free parts and remove for 50 s.
	callLimit = 60 * time.Second
	// answerLimit is how long a client goes on asking: the longest absence, with what was under way before it.
	answerLimit = 2 * time.Minute
)

// storePatience is how long the service waits for one call to the store. What took a server longer, and then was a 503, is a busy
// machine's doing; there may be few of these.
const storePatience = 5 * time.Second

// answer is what a request came to.
type answer struct {
	said         string // "200", "409 import-aborted", "403 AccessDenied"; empty where nobody answered, or somebody that the store is away
	body         []byte
	begun, ended time.Time
	retryAfter   time.Duration
	lost         int // requests like this before it, of which nobody knows what they did
}

func (a answer) ok() bool { return strings.HasPrefix(a.said, "2") }

// job is the import that a carries, or nil.
func (a answer) job() *client.Job {
	var job client.Job
	if !a.ok() || json.Unmarshal(a.body, &job) != nil || job.Status == nil {
		return nil
	}
	return &job
}

// code is that of a problem document, or of an error of the store.
var code = regexp.MustCompile(`"code":"([a-z-]+)"|<Code>(\w+)</Code>`)

// once sends one request. That it is cut is explained by an absence of whom it was sent to, a 503 by one of the store; no other
// failure of theirs is.
func (w *worker) once(kind, about string, to *process, call func() (*http.Response, error)) answer {
	w.trap.touch(kind)
	a := answer{begun: time.Now()}
	response, err := call()
	if err == nil {
		a.body, err = io.ReadAll(response.Body)
		response.Body.Close()
	}
	a.ended = time.Now()
	if err == nil && to != w.store && response.StatusCode == http.StatusServiceUnavailable && a.ended.Sub(a.begun) >= storePatience && !w.store.away.during(a.begun, a.ended) {
		w.tally.count(kind, "slow")
		w.store.away.slow(a.begun, a.ended)
	}
	storeAway := w.store.away.during(a.begun, a.ended)
	if kind == createParts && (storeAway || to.away.during(a.begun, a.ended)) {
		w.ledger.atRisk()
	}
	var wrapped *url.Error // whose text has the URL
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	switch {
	case err != nil && to.away.during(a.begun, a.ended):
		w.note(kind, about, to, a, "cut")
	case kind == wrongUpload && errors.Is(err, syscall.ECONNRESET):
		a.said = hungUp
		w.note(kind, about, to, a, "refused")
	case to == w.store && errors.Is(err, syscall.ECONNRESET): // its word may be lost on a client that still sends; the next attempt brings it
		w.note(kind, about, to, a, "cut")
	case err != nil:
		w.note(kind, about, to, a, "wrong")
		w.tally.violate("%s %s: %s was there and did not answer: %v", kind, about, to.name, err)
	case response.StatusCode == http.StatusServiceUnavailable && storeAway:
		seconds, missing := strconv.Atoi(response.Header.Get("Retry-After"))
		if to != w.store && (missing != nil || !strings.Contains(string(a.body), `"code":"store-unavailable"`)) {
			w.tally.violate("%s %s: a 503 without Retry-After, or with another code than store-unavailable: %s", kind, about, a.body)
		}
		a.retryAfter = time.Duration(seconds) * time.Second
		w.note(kind, about, to, a, "away")
	case response.StatusCode >= http.StatusInternalServerError:
		w.note(kind, about, to, a, "wrong")
		w.tally.violate("%s %s: %s answered %d at %s, which nothing explains: %s", kind, about, to.name, response.StatusCode, a.ended.Format(clock), a.body)
	default:
		a.said = strconv.Itoa(response.StatusCode)
		if found := code.FindSubmatch(a.body); found != nil && response.StatusCode >= 400 {
			a.said += " " + string(found[1]) + string(found[2])
		}
		w.note(kind, about, to, a, map[bool]string{true: "done", false: "refused"}[a.ok()])
	}
	return a
}

// hungUp is also a refusal: the store does not take in what it will not keep, and its word may be lost on a client that still sends.
const hungUp = "hung up"

const clock = "15:04:05.000"

// note counts a and writes it into the journal.
func (w *worker) note(kind, about string, to *process, a answer, outcome string) {
	w.tally.count(kind, outcome)
	fmt.Fprintf(w.journal, "%s %s %-5s %-12s %s %s %s\n", a.begun.Format(clock), a.ended.Format(clock), to.name, kind, about, outcome, a.said)
}

// insist sends a request as a sane client does until somebody answers: when the line was cut at once elsewhere, later after a
// while. One that resigns leaves it at the first attempt. What is answered must be among may.
func (w *worker) insist(kind, about string, resigns bool, send func(turn int) answer, may ...string) answer {
	for turn, deadline := 0, time.Now().Add(answerLimit); ; turn++ {
		a := send(turn)
		a.lost = turn
		switch {
		case a.said != "":
			if !slices.Contains(may, a.said) {
				w.tally.violate("%s %s: answered %s, want one of %q: %.300s", kind, about, a.said, may, a.body)
			}
			return a
		case resigns || w.ctx.Err() != nil:
			return a
		case time.Now().After(deadline):
			w.tally.violate("%s %s: no answer in %v", kind, about, answerLimit)
			return a
		case turn > 0:
			time.Sleep(max(a.retryAfter, 5*pollEvery))
		}
	}
}

// ask insists on a call of the service, on both servers in turns.
func (w *worker) ask(kind, about string, t *tenant, call func(context.Context, *client.Client) (*http.Response, error), may ...string) answer {
	first := w.rng.IntN(2)
	return w.insist(kind, about, w.resigns, func(turn int) answer {
		to := (first + turn) % 2
		return w.once(kind, about, w.servers[to], func() (*http.Response, error) { return call(context.Background(), t.clients[to]) })
	}, may...)
}
