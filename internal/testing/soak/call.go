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
	result       string // "200", "409 import-aborted", "403 AccessDenied"; empty: no response, or store-unavailable
	body         []byte
	begun, ended time.Time
	retryAfter   time.Duration
	lost         int // earlier requests of this kind with an unknown result
}

func (a answer) ok() bool { return strings.HasPrefix(a.result, "2") }

// job returns the import in a, or nil.
func (a answer) job() *client.Import {
	var job client.Import
	if !a.ok() || json.Unmarshal(a.body, &job) != nil || job.Status == "" {
		return nil
	}
	return &job
}

// code matches the code of a problem document or of an S3 error.
var code = regexp.MustCompile(`"code":"([a-z-]+)"|<Code>(\w+)</Code>`)

// once sends one request. A restart of the process explains a missing response, and one of the store explains a 503. No
// other failure is explained.
func (w *worker) once(kind, about string, to *process, send func() (*http.Response, error)) answer {
	w.trigger.fire(kind)
	a := answer{begun: time.Now()}
	response, err := send()
	if err == nil {
		a.body, err = io.ReadAll(response.Body)
		response.Body.Close()
	}
	a.ended = time.Now()
	if err == nil && to != w.store && response.StatusCode == http.StatusServiceUnavailable &&
		a.ended.Sub(a.begun) >= storePatience &&
		!w.store.unreachable(a.begun, a.ended) {
		w.count("store slow", "away")
		w.store.mark([2]time.Time{a.begun, a.ended.Add(aftermath)})
	}
	storeUnreachable, unreachable := w.store.unreachable(a.begun, a.ended), to.unreachable(a.begun, a.ended)
	if kind == createParts && (storeUnreachable || unreachable) {
		w.ledger.countOrphanRisk()
	}
	outcome, whole, reset := "done", new(url.Error), errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
	switch {
	case err != nil && unreachable:
		outcome = "cut"
	case kind == wrongUpload && reset:
		outcome, a.result = "refused", hungUp
	case to == w.store && reset: // its response was lost because the client still sent; the retry receives it
		outcome = "cut"
	case err != nil:
		if outcome = "wrong"; errors.As(err, &whole) {
			err = whole.Err // without the URL
		}
		w.violate("%s %s: %s was there and did not answer: %v", kind, about, to.name, err)
	case response.StatusCode == http.StatusServiceUnavailable && storeUnreachable:
		seconds, missing := strconv.Atoi(response.Header.Get("Retry-After"))
		if to != w.store && (missing != nil || !strings.Contains(string(a.body), `"code":"store-unavailable"`)) {
			w.violate(
				"%s %s: a 503 without Retry-After, or that says something else than store-unavailable: %s", kind, about, a.body)
		}
		outcome, a.retryAfter = "away", time.Duration(seconds)*time.Second
	case response.StatusCode == http.StatusInternalServerError && storeUnreachable && kind == "complete":
		// the store stopped while it assembled the object; the service does not retry that
		outcome, a.retryAfter = "away", time.Second
	case response.StatusCode >= http.StatusInternalServerError:
		outcome = "wrong"
		w.violate("%s %s: %s answered %d, which nothing explains: %s", kind, about, to.name, response.StatusCode, a.body)
	default:
		a.result = strconv.Itoa(response.StatusCode)
		if found := code.FindSubmatch(a.body); found != nil && response.StatusCode >= 400 {
			outcome, a.result = "refused", a.result+" "+string(found[1])+string(found[2])
		}
	}
	w.count(kind, outcome)
	w.note("%s %-5s %-12s %s %s %s", a.begun.Format(clock), to.name, kind, about, outcome, a.result)
	return a
}

// retry sends a request until it has a response: at once to the other server, then after a pause. A client that
// never retries makes one attempt. The response must be among may.
func (w *worker) retry(kind, about string, neverRetries bool, send func(turn int) answer, may ...string) answer {
	for turn, deadline := 0, time.Now().Add(answerLimit); ; turn++ {
		a := send(turn)
		a.lost = turn
		switch {
		case a.result != "":
			if !slices.Contains(may, a.result) {
				w.violate("%s %s: answered %s, want one of %q: %.300s", kind, about, a.result, may, a.body)
			}
			return a
		case neverRetries || w.ctx.Err() != nil:
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

// ask sends a call to the service with retries, to both servers in turn.
func (w *worker) ask(kind, about string, t *tenant, c call, may ...string) answer {
	first := w.rng.IntN(2)
	return w.retry(kind, about, w.neverRetries, func(turn int) answer {
		to := (first + turn) % 2
		return w.once(
			kind, about, w.servers[to], func() (*http.Response, error) { return c(context.Background(), t.clients[to]) })
	}, may...)
}

// send uploads body with retries.
func (w *worker) send(kind, about string, u client.UploadRequest, body []byte, may ...string) answer {
	return w.retry(kind, about, false, func(int) answer {
		return w.once(kind, about, w.store, func() (*http.Response, error) { return w.web.Do(request(u, body)) })
	}, may...)
}
