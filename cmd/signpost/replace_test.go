package main

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
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
	mu      sync.Mutex
	ready   []*url.URL
	turn    int
	servers []string
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

func (b *balancer) next() *url.URL {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn++
	return b.ready[b.turn%len(b.ready)]
}

// isReady reports whether requests go to base.
func (b *balancer) isReady(base string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, u := range b.ready {
		if u.String() == base {
			return true
		}
	}
	return false
}

// TestReplacedUnderLoad replaces each of two servers by another while both are in use: no request fails.
func TestReplacedUnderLoad(t *testing.T) {
	slowTest(t)
	store := startLocal(t, t.TempDir())
	settings := []string{"SIGNPOST_BUCKET=" + localBucket, "SIGNPOST_PATH_STYLE=true", "AWS_REGION=us-east-1",
		"SIGNPOST_STOP_DELAY=2s",
		"AWS_ENDPOINT_URL_S3=" + store.store(t), "AWS_SHARED_CREDENTIALS_FILE=" + store.credentialsFile()}
	servers := []*process{start(t, settings...), start(t, settings...)}
	b := &balancer{servers: []string{servers[0].api, servers[1].api}}
	b.look()
	ctx, stop := context.WithCancel(t.Context())
	var others sync.WaitGroup
	defer others.Wait()
	defer stop()
	others.Go(func() { b.watch(ctx) })
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { u := b.next(); r.SetURL(u); r.Out.Host = u.Host },
		Transport: &http.Transport{MaxIdleConnsPerHost: 16},
		ErrorLog:  log.New(io.Discard, "", 0),
	})
	defer proxy.Close()

	turns := time.NewTicker(4 * time.Millisecond) // 250 requests a second
	defer turns.Stop()
	var made, failed atomic.Int64
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
					failed.Add(1)
					t.Errorf("POST /import %s: %s %s %v", body, response.Status, answer, err)
				}
			}
		})
	}
	for n, old := range servers {
		before := made.Load()
		eventually(t, "load", func() any { return made.Load() > before+100 }, true)
		fresh := start(t, settings...)
		b.mu.Lock()
		b.servers = append([]string{fresh.api}, b.servers...)
		b.mu.Unlock()
		eventually(t, "the new server in use", func() any { return b.isReady(fresh.api) }, true)
		old.signal(t, syscall.SIGTERM)
		if status := old.wait(t); status.ExitStatus() != 0 {
			t.Errorf("server %d: got exit status %d; %s", n, status.ExitStatus(), old.stderr)
		}
	}
	stop()
	others.Wait()
	if made.Load() == 0 || failed.Load() > 0 {
		t.Errorf("%d of %d requests failed", failed.Load(), made.Load())
	}
}
