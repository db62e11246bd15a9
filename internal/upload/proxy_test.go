package upload

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"sync"
	"testing"
	"time"
)

// fault handles a request instead of the proxy. It returns false if the proxy must forward the request. all counts all
// requests, this those of the same kind: the same part, or the same method and path.
type fault func(all, this int, w http.ResponseWriter, r *http.Request, next http.Handler) bool

// proxy forwards requests of the uploader, except for those with a fault.
type proxy struct {
	addr string

	mu    sync.Mutex
	count map[string]int // requests by kind
	all   int
}

func newProxy(t *testing.T, f fault) *proxy {
	t.Helper()
	next := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", r.In.Host, r.In.Host
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     discardLog,
		Transport:    &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: time.Minute},
	}
	p := &proxy{count: map[string]int{}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := r.Method + " " + r.URL.Path
		if part := r.URL.Query().Get("partNumber"); part != "" {
			kind = "part " + part
		}
		p.mu.Lock()
		p.count[kind]++
		p.all++
		all, this := p.all, p.count[kind]
		p.mu.Unlock()
		if f == nil || !f(all, this, w, r, next) {
			next.ServeHTTP(w, r)
		}
	}))
	server.Config.ErrorLog = discardLog
	server.Start()
	t.Cleanup(server.Close)
	p.addr = server.Listener.Addr().String()
	return p
}

// discardLog discards the errors of proxies, which tests cause on purpose.
var discardLog = log.New(io.Discard, "", 0)

// client returns a client that sends all requests to the proxy.
func (p *proxy) client(t *testing.T) *http.Client {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, p.addr)
	}
	transport := &http.Transport{DialContext: dial, ExpectContinueTimeout: time.Minute, MaxIdleConnsPerHost: 8}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// requests returns the number of requests of a kind.
func (p *proxy) requests(kind string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count[kind]
}

// cutRequest closes the connection after half of the body.
func cutRequest(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	io.CopyN(io.Discard, r.Body, r.ContentLength/2)
	panic(http.ErrAbortHandler)
}

// dropResponse forwards the request and drops the response.
func dropResponse(_ http.ResponseWriter, r *http.Request, next http.Handler) bool {
	next.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// truncateResponse forwards the request and half of the response.
func truncateResponse(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
	recorded := httptest.NewRecorder()
	next.ServeHTTP(recorded, r)
	for name, values := range recorded.Header() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", "100000")
	w.WriteHeader(recorded.Code)
	w.Write(recorded.Body.Bytes()[:recorded.Body.Len()/2])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// truncateBody forwards half of the body and closes the connection.
func truncateBody(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(r.Body, r.ContentLength/2), r.Body}
	next.ServeHTTP(w, r)
	return true
}

// flipByte changes a byte of the body.
func flipByte(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
	r.Body = struct {
		io.Reader
		io.Closer
	}{&byteFlipper{from: r.Body}, r.Body}
	next.ServeHTTP(w, r)
	return true
}

type byteFlipper struct {
	from io.Reader
	done bool
}

func (f *byteFlipper) Read(p []byte) (int, error) {
	n, err := f.from.Read(p)
	if n > 0 && !f.done {
		p[0], f.done = p[0]^1, true
	}
	return n, err
}

// neverRespond reads the body and waits until the client disconnects.
func neverRespond(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
	return true
}

// respond responds instead of the server.
func respond(status int, contentType, body string) func(http.ResponseWriter, *http.Request, http.Handler) bool {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, body)
		return true
	}
}

func s3Error(status int, code string) func(http.ResponseWriter, *http.Request, http.Handler) bool {
	return respond(status, "application/xml",
		"<Error><Code>"+code+"</Code><Message>No.</Message><RequestId>7</RequestId></Error>")
}

type action = func(http.ResponseWriter, *http.Request, http.Handler) bool

// oneIn applies do to one of n requests.
func oneIn(n int, do action) fault {
	return func(all, _ int, w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		return all%n == n/2 && do(w, r, next)
	}
}

// first applies do to the first request of each kind with this method.
func first(method string, do action) fault {
	return func(_, this int, w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		return this == 1 && r.Method == method && do(w, r, next)
	}
}

// always applies do to each request with this method.
func always(method string, do action) fault {
	return func(_, _ int, w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		return r.Method == method && do(w, r, next)
	}
}

// inTurn applies these actions to the first requests of each kind, in order.
func inTurn(actions ...action) fault {
	return func(_, this int, w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		return this <= len(actions) && actions[this-1](w, r, next)
	}
}
