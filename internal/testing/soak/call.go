//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
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
	// callLimit exceeds every timeout of the service: a delete may read, write, abort and remove for 50 s.
	callLimit = 60 * time.Second
	// answerLimit is how long a client retries: the longest absence, and the request before it.
	answerLimit = 2 * time.Minute
	// storePatience is the service's timeout for a store call. A slower store means that the machine is busy, which is
	// explained, but must be rare.
	storePatience = 5 * time.Second
)

// Kinds of request with special rules. A multipart create may leave an orphaned upload. The store may reject a wrong
// upload by closing the connection, because it does not read what it will not store; the response is then lost.
const (
	createParts = "create parts"
	wrongUpload = "wrong upload"
	hungUp      = "hung up"
)

// answer is the result of a request.
type answer struct {
	said         string // "200", "409 import-aborted", "403 AccessDenied"; empty: no response, or store-unavailable
	body         []byte
	begun, ended time.Time
	retryAfter   time.Duration
	lost         int // earlier requests of this kind with an unknown result
}

func (a answer) ok() bool { return strings.HasPrefix(a.said, "2") }

// job returns the import in a, or nil.
func (a answer) job() *client.Job {
	var job client.Job
	if !a.ok() || json.Unmarshal(a.body, &job) != nil || job.Status == nil {
		return nil
	}
	return &job
}

// code matches the code of a problem document or of an S3 error.
var code = regexp.MustCompile(`"code":"([a-z-]+)"|<Code>(\w+)</Code>`)

// once sends one request. A missing response is explained by a restart of the process, a 503 by one of the store; no
// other failure is explained.
func (w *worker) once(kind, about string, to *process, send func() (*http.Response, error)) answer {
	w.trap.touch(kind)
	a := answer{begun: time.Now()}
	response, err := send()
	if err == nil {
		a.body, err = io.ReadAll(response.Body)
		response.Body.Close()
	}
	a.ended = time.Now()
	if err == nil && to != w.store && response.StatusCode == http.StatusServiceUnavailable &&
		a.ended.Sub(a.begun) >= storePatience &&
		!w.store.gone(a.begun, a.ended) {
		w.count("store slow", "away")
		w.store.mark([2]time.Time{a.begun, a.ended.Add(aftermath)})
	}
	storeGone, gone := w.store.gone(a.begun, a.ended), to.gone(a.begun, a.ended)
	if kind == createParts && (storeGone || gone) {
		w.ledger.atRisk()
	}
	outcome, whole, hung := "done", new(url.Error), errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
	switch {
	case err != nil && gone:
		outcome = "cut"
	case kind == wrongUpload && hung:
		outcome, a.said = "refused", hungUp
	case to == w.store && hung: // its response was lost because the client still sent; the retry receives it
		outcome = "cut"
	case err != nil:
		if outcome = "wrong"; errors.As(err, &whole) {
			err = whole.Err // without the URL
		}
		w.violate("%s %s: %s was there and did not answer: %v", kind, about, to.name, err)
	case response.StatusCode == http.StatusServiceUnavailable && storeGone:
		seconds, missing := strconv.Atoi(response.Header.Get("Retry-After"))
		if to != w.store && (missing != nil || !strings.Contains(string(a.body), `"code":"store-unavailable"`)) {
			w.violate(
				"%s %s: a 503 without Retry-After, or that says something else than store-unavailable: %s",
				kind,
				about,
				a.body,
			)
		}
		outcome, a.retryAfter = "away", time.Duration(seconds)*time.Second
	case response.StatusCode == http.StatusInternalServerError && storeGone && kind == "complete":
		// the store stopped while it assembled the object; the service does not retry that
		outcome, a.retryAfter = "away", time.Second
	case response.StatusCode >= http.StatusInternalServerError:
		outcome = "wrong"
		w.violate("%s %s: %s answered %d, which nothing explains: %s", kind, about, to.name, response.StatusCode, a.body)
	default:
		a.said = strconv.Itoa(response.StatusCode)
		if found := code.FindSubmatch(a.body); found != nil && response.StatusCode >= 400 {
			outcome, a.said = "refused", a.said+" "+string(found[1])+string(found[2])
		}
	}
	w.count(kind, outcome)
	w.note("%s %-5s %-12s %s %s %s", a.begun.Format(clock), to.name, kind, about, outcome, a.said)
	return a
}

// insist sends a request until it has a response: at once to the other server, then after a pause. A client that
// resigns makes one attempt. The response must be among may.
func (w *worker) insist(kind, about string, resigns bool, send func(turn int) answer, may ...string) answer {
	for turn, deadline := 0, time.Now().Add(answerLimit); ; turn++ {
		a := send(turn)
		a.lost = turn
		switch {
		case a.said != "":
			if !slices.Contains(may, a.said) {
				w.violate("%s %s: answered %s, want one of %q: %.300s", kind, about, a.said, may, a.body)
			}
			return a
		case resigns || w.ctx.Err() != nil:
			return a
		case time.Now().After(deadline):
			w.violate("%s %s: no answer in %v", kind, about, answerLimit)
			return a
		case turn > 0:
			time.Sleep(max(a.retryAfter, 5*pollEvery))
		}
	}
}

// call is a method of the generated client.
type call func(context.Context, *client.Client) (*http.Response, error)

// ask sends a call to the service by insist, to both servers in turn.
func (w *worker) ask(kind, about string, t *tenant, c call, may ...string) answer {
	first := w.rng.IntN(2)
	return w.insist(kind, about, w.resigns, func(turn int) answer {
		to := (first + turn) % 2
		return w.once(
			kind,
			about,
			w.servers[to],
			func() (*http.Response, error) { return c(context.Background(), t.clients[to]) },
		)
	}, may...)
}

// send uploads body by insist.
func (w *worker) send(kind, about string, u client.UploadRequest, body []byte, may ...string) answer {
	return w.insist(kind, about, false, func(int) answer {
		return w.once(kind, about, w.store, func() (*http.Response, error) { return w.web.Do(request(u, body)) })
	}, may...)
}
