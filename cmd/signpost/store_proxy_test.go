package main

import (
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// storeProxy forwards requests to the store, and records those that carry parts.
type storeProxy struct {
	*httptest.Server
	bad bool // of ten requests, it cuts two, rejects one, cuts the response of one and delays one

	mu       sync.Mutex
	requests []*partRequest
	ended    chan struct{} // closed and replaced when a request ends
	allowed  int           // number of requests that are forwarded
	blocked  chan struct{} // further requests wait until it is closed
	pid      int           // of the upload, or 0
	peak     int           // of its memory, in kB
}

// partRequest is a request that carries a part.
type partRequest struct {
	part         string
	ended        bool
	stored, lost bool
}

func newStoreProxy(t *testing.T, store string) *storeProxy {
	t.Helper()
	to, err := url.Parse(store)
	if err != nil {
		t.Fatal(err)
	}
	quiet := log.New(io.Discard, "", 0)
	onward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = to.Scheme, to.Host, r.In.Host
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     quiet,
	}
	s := &storeProxy{ended: make(chan struct{})}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/imports/doctor/") { // the service probes the store at its start
			onward.ServeHTTP(w, r)
			return
		}
		s.pass(w, r, onward)
	}))
	s.Config.ErrorLog = quiet
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *storeProxy) pass(w http.ResponseWriter, r *http.Request, onward http.Handler) {
	s.mu.Lock()
	p := &partRequest{part: r.URL.Query().Get("partNumber")}
	s.requests = append(s.requests, p)
	n := len(s.requests)
	s.allowed--
	blocked := s.blocked
	if s.allowed >= 0 {
		blocked = nil
	}
	s.mu.Unlock()
	response := &statusRecorder{ResponseWriter: w}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		p.ended = true
		p.stored = response.status == http.StatusOK && !p.lost
		p.lost = !p.stored
		s.recordMemory()
		close(s.ended)
		s.ended = make(chan struct{})
	}()
	if blocked != nil {
		io.CopyN(io.Discard, r.Body, rand.Int64N(r.ContentLength))
		<-blocked
		panic(http.ErrAbortHandler)
	}
	if !s.bad {
		onward.ServeHTTP(response, r)
		return
	}
	switch n % 10 {
	case 2, 7:
		io.CopyN(io.Discard, r.Body, r.ContentLength/2)
		panic(http.ErrAbortHandler)
	case 4:
		response.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, "<Error><Code>SlowDown</Code></Error>")
		return
	case 6:
		onward.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case 8:
		time.Sleep(20 * time.Millisecond) // a slow network
	}
	onward.ServeHTTP(response, r)
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (s *statusRecorder) WriteHeader(status int) {
	if status >= 200 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

var peakMemory = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// recordMemory records the peak memory of the upload.
func (s *storeProxy) recordMemory() {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid)) // only on Linux
	if found := peakMemory.FindSubmatch(status); found != nil {
		kilobytes, _ := strconv.Atoi(string(found[1]))
		s.peak = max(s.peak, kilobytes)
	}
}

// admit forwards the next n requests. Further ones wait until the next call.
func (s *storeProxy) admit(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blocked != nil {
		close(s.blocked)
	}
	s.blocked, s.allowed = make(chan struct{}), n
}

// await waits until wanted requests have ended after the first ones, or stop is closed.
func (s *storeProxy) await(first, wanted int, stop <-chan struct{}) {
	for {
		s.mu.Lock()
		n, ended := 0, s.ended
		for _, p := range s.requests[first:] {
			if p.ended {
				n++
			}
		}
		s.mu.Unlock()
		if n >= wanted {
			return
		}
		select {
		case <-ended:
		case <-stop:
			return
		}
	}
}

// lose marks requests in progress as lost: their sender receives no response. It returns the number of all requests.
func (s *storeProxy) lose() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.requests {
		p.lost = p.lost || !p.stored
	}
	return len(s.requests)
}

// sum checks that a part is sent again only if the previous request was lost.
func (s *storeProxy) sum(t *testing.T, parts int) (sent, stored int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	have := map[string]bool{}
	for _, p := range s.requests {
		if have[p.part] {
			t.Errorf("part %s was sent again after the store had it", p.part)
		}
		have[p.part] = have[p.part] || p.stored
		if p.stored {
			stored++
		}
	}
	if sent = len(s.requests); stored > parts {
		t.Errorf("%d parts stored, there are %d", stored, parts)
	}
	return sent, stored
}
