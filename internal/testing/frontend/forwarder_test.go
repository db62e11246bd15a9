package frontend

import (
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"testing"
)

// forwarder is an HTTP proxy that a browser uses for all requests. It holds bodies back, and it can be unreachable.
type forwarder struct {
	address string
	server  *http.Server

	mu          sync.Mutex
	released    sync.Cond
	sent, limit int64 // bytes of bodies that the browser sent; above limit they wait
}

func startForwarder(t *testing.T) *forwarder {
	t.Helper()
	f := &forwarder{address: "127.0.0.1:0", limit: math.MaxInt64}
	f.released.L = &f.mu
	f.connect(t)
	t.Cleanup(func() {
		f.disconnect()
		f.release()
	})
	return f
}

// hold lets n more bytes pass. Others wait for release.
func (f *forwarder) hold(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limit = f.sent + n
}

// release lets everything pass, and returns how many bytes the browser has sent.
func (f *forwarder) release() (sent int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limit = math.MaxInt64
	f.released.Broadcast()
	return f.sent
}

// pass counts n bytes, and waits while they may not pass.
func (f *forwarder) pass(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.sent += int64(n); f.sent > f.limit; {
		f.released.Wait()
	}
}

// connect accepts connections, always at the same address.
func (f *forwarder) connect(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", f.address)
	if err != nil {
		t.Fatal(err)
	}
	silent := log.New(io.Discard, "", 0)
	proxy := &httputil.ReverseProxy{ErrorLog: silent, Rewrite: func(r *httputil.ProxyRequest) {
		if r.Out.Body != nil {
			r.Out.Body = heldBody{r.Out.Body, f}
		}
	}}
	local := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Hostname() == "127.0.0.1" {
			proxy.ServeHTTP(w, r)
		} else { // browsers also request pages of their makers
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	f.address, f.server = listener.Addr().String(), &http.Server{Handler: local, ErrorLog: silent}
	go f.server.Serve(listener)
}

// disconnect closes all connections, and accepts no more.
func (f *forwarder) disconnect() { f.server.Close() }

type heldBody struct {
	io.ReadCloser
	*forwarder
}

func (b heldBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.pass(n)
	return n, err
}
