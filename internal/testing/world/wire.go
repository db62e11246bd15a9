package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Wire carries the requests of one server to the store. A test counts, fails or delays them.
type Wire struct {
	// OnRequest returns the fault of the nth request, counted from 1, and nil for none. Kind is the method and the first
	// folder of the key, such as "PUT jobs". OnRequest may be nil.
	OnRequest func(n int, kind string) Fault

	direct http.RoundTripper
	mu     sync.Mutex
	sent   int
	calls  map[string]int // by operation, retries not counted
}

// Fault answers a request. Next sends it to the store.
type Fault func(r *http.Request, next http.RoundTripper) (*http.Response, error)

// RoundTrip sends r to the store or to its fault.
func (l *Wire) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	l.sent++
	n := l.sent
	l.mu.Unlock()
	if l.OnRequest != nil {
		path := append(strings.SplitN(r.URL.Path, "/", 4), "", "")
		if fault := l.OnRequest(n, r.Method+" "+path[2]); fault != nil {
			return fault(r, l.direct)
		}
	}
	return l.direct.RoundTrip(r)
}

// Sent returns the number of requests, retries included.
func (l *Wire) Sent() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent
}

func (l *Wire) count(_ context.Context, operation, _ string, _ time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls == nil {
		l.calls = map[string]int{}
	}
	l.calls[operation]++
}

// TakeCalls returns the numbers of calls since its last call, such as "GetObject 1, PutObject 2".
func (l *Wire) TakeCalls() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	for _, operation := range slices.Sorted(maps.Keys(l.calls)) {
		all = append(all, fmt.Sprintf("%s %d", operation, l.calls[operation]))
	}
	l.calls = nil
	return strings.Join(all, ", ")
}

// Killed fails a request of a server that was killed before it.
func Killed(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
	if r.Body != nil {
		r.Body.Close()
	}
	return nil, &aws.RequestCanceledError{Err: errors.New("killed")}
}

// KilledAfter sends a request to the store and fails: the server was killed before the response.
func KilledAfter(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	response, err := next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	response.Body.Close()
	return nil, &aws.RequestCanceledError{Err: errors.New("killed")}
}

// KillAt returns the wire of a server that is killed at its nth request: after the store has received it if received,
// and before otherwise.
func KillAt(n int, received bool) *Wire {
	return &Wire{OnRequest: func(seq int, _ string) Fault {
		switch {
		case seq == n && received:
			return KilledAfter
		case seq >= n:
			return Killed
		}
		return nil
	}}
}

// Reject returns a fault that answers with an error of the store.
func Reject(status int, code string) Fault {
	return func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
		if r.Body != nil {
			r.Body.Close()
		}
		return &http.Response{
			StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
			Header: http.Header{"Content-Type": {"application/xml"}},
			Body:   io.NopCloser(strings.NewReader("<Error><Code>" + code + "</Code></Error>")),
		}, nil
	}
}
