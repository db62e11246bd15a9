package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// balancer is a load balancer. It requests /readyz of each server ten times a second, and sends requests to the ready
// ones in turn, without retries.
type balancer struct {
	transport http.Transport

	mu      sync.Mutex
	ready   []*url.URL
	turn    int
	servers []string
	busy    map[string]int // requests in progress
}

func (b *balancer) watch(ctx context.Context) {
	for ctx.Err() == nil {
		b.look()
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (b *balancer) look() {
	b.mu.Lock()
	servers := b.servers
	b.mu.Unlock()
	var ready []*url.URL
	for _, base := range servers {
		response, err := web.Get(base + "/readyz")
		if err != nil {
			continue
		}
		response.Body.Close()
		if u, err := url.Parse(base); err == nil && response.StatusCode == http.StatusOK {
			ready = append(ready, u)
		}
	}
	b.mu.Lock()
	b.ready = ready
	b.mu.Unlock()
}

// ServeHTTP sends a request to a server. The field Server of the response names it.
func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	b.turn++
	server := b.ready[b.turn%len(b.ready)]
	b.busy[server.String()]++
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		b.busy[server.String()]--
		b.mu.Unlock()
	}()
	w.Header().Set("Server", server.String())
	proxy := httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(server); r.Out.Host = server.Host },
		Transport: &b.transport, ErrorLog: log.New(io.Discard, "", 0),
	}
	proxy.ServeHTTP(w, r)
}

// isReady reports whether requests go to base.
func (b *balancer) isReady(base string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.ready, func(u *url.URL) bool { return u.String() == base })
}

// isUnused reports whether no request goes to base, or is in progress there.
func (b *balancer) isUnused(base string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.busy[base] == 0 && !slices.ContainsFunc(b.ready, func(u *url.URL) bool { return u.String() == base })
}

// accepts reports whether the server at base accepts connections.
func accepts(base string) bool {
	connection, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err == nil {
		connection.Close()
	}
	return err == nil
}

// TestReplacedUnderLoad replaces each of two servers by another while both are in use: no request fails. On a busy
// machine, the balancer may notice a stop only when the server has closed its listener. Then its requests fail rightly,
// and another server is replaced, with more time.
func TestReplacedUnderLoad(t *testing.T) {
	slowTest(t)
	store := startLocal(t, t.TempDir())
	serve := func(delay time.Duration) *process {
		return start(t, "SIGNPOST_BUCKET="+localBucket, "SIGNPOST_PATH_STYLE=true", "AWS_REGION=us-east-1",
			"SIGNPOST_STOP_DELAY="+delay.String(), "AWS_ENDPOINT_URL_S3="+store.store(t),
			"AWS_SHARED_CREDENTIALS_FILE="+store.credentialsFile())
	}
	delay := 2 * time.Second
	servers := []*process{serve(delay), serve(delay)}
	b := &balancer{servers: []string{servers[0].api, servers[1].api}, busy: map[string]int{}}
	b.transport.MaxIdleConnsPerHost = 16
	b.look()
	ctx, stop := context.WithCancel(t.Context())
	var others sync.WaitGroup
	defer others.Wait()
	defer stop()
	others.Go(func() { b.watch(ctx) })
	proxy := httptest.NewServer(b)
	defer proxy.Close()

	turns := time.NewTicker(4 * time.Millisecond) // 250 requests a second
	defer turns.Stop()
	var made atomic.Int64
	var mu sync.Mutex
	failures := map[string][]string{} // by server
	for range 8 {
		others.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-turns.C:
				case <-ctx.Done():
					return
				}
				body, want := "", http.StatusOK
				if n%2 == 1 {
					body, want = "{}", http.StatusCreated
				}
				r, err := http.NewRequest("POST", proxy.URL+"/import", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set("Content-Type", "application/json")
				response, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Errorf("POST /import: %v", err)
					return
				}
				answer, err := io.ReadAll(response.Body)
				response.Body.Close()
				made.Add(1)
				if err != nil || response.StatusCode != want {
					mu.Lock()
					server := response.Header.Get("Server")
					failures[server] = append(failures[server], fmt.Sprintf("%s: %s %s %v", body, response.Status, answer, err))
					mu.Unlock()
				}
			}
		})
	}
	tooLate := map[string]bool{} // servers that closed their listener while they were in use
	for replaced := 0; replaced < 2; {
		before := made.Load()
		eventually(t, "load", func() any { return made.Load() > before+100 }, true)
		fresh, old := serve(delay), servers[0]
		servers = append(servers[1:], fresh)
		b.mu.Lock()
		b.servers = append([]string{fresh.api}, b.servers...)
		b.mu.Unlock()
		eventually(t, "the new server in use", func() any { return b.isReady(fresh.api) }, true)
		old.signal(t, syscall.SIGTERM)
		eventually(t, "the old server not in use", func() any { return b.isUnused(old.api) }, true)
		if accepts(old.api) {
			replaced++
		} else {
			tooLate[old.api] = true
			delay *= 2
		}
		if status := old.wait(t); status.ExitStatus() != 0 {
			t.Errorf("got exit status %d; %s", status.ExitStatus(), old.stderr)
		}
	}
	stop()
	others.Wait()
	for server, failed := range failures {
		if !tooLate[server] {
			t.Errorf("%d of %d requests failed: POST /import %s", len(failed), made.Load(), failed[0])
		}
	}
}
