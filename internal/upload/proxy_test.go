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

// fault does to a request what a bad line, or a bad day, does. It reports false where the request is to go on. All says
// how many requests there were, this the how manieth it is of its kind: of its part, or of its method and path.
type fault func(all, this int, w http.ResponseWriter, r *http.Request, onward http.Handler) bool

// front stands between the uploader and whom it calls.
type proxy struct {
	addr string

	mu    sync.Mutex
	count map[string]int // requests by kind
	all   int
}

func newProxy(t *testing.T, f fault) *proxy {
	t.Helper()
	onward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", r.In.Host, r.In.Host
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     quiet,
		Transport:    &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: time.Minute},
	}
	fr := &proxy{count: map[string]int{}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := r.Method + " " + r.URL.Path
		if part := r.URL.Query().Get("partNumber"); part != "" {
			kind = "part " + part
		}
		fr.mu.Lock()
		fr.count[kind]++
		fr.all++
		all, this := fr.all, fr.count[kind]
		fr.mu.Unlock()
		if f == nil || !f(all, this, w, r, onward) {
			onward.ServeHTTP(w, r)
		}
	}))
	server.Config.ErrorLog = quiet
	server.Start()
	t.Cleanup(server.Close)
	fr.addr = server.Listener.Addr().String()
	return fr
}

// quiet: that a proxy meets what it does is no news.
var quiet = log.New(io.Discard, "", 0)

// client sends everything to the front, whatever its URL says.
func (f *proxy) client(t *testing.T) *http.Client {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, f.addr)
	}
	transport := &http.Transport{DialContext: dial, ExpectContinueTimeout: time.Minute, MaxIdleConnsPerHost: 8}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// requests returns how many there were of a kind.
func (f *proxy) requests(kind string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count[kind]
}

// cut ends the connection after half of the body.
func cut(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	io.CopyN(io.Discard, r.Body, r.ContentLength/2)
	panic(http.ErrAbortHandler)
}

// lost lets the request through and its answer not.
func lost(_ http.ResponseWriter, r *http.Request, onward http.Handler) bool {
	onward.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// short lets the request through and half of its answer.
func short(w http.ResponseWriter, r *http.Request, onward http.Handler) bool {
	answer := httptest.NewRecorder()
	onward.ServeHTTP(answer, r)
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", "100000")
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// halved lets half of the body through, and has the connection to the store cut.
func halved(w http.ResponseWriter, r *http.Request, onward http.Handler) bool {
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(r.Body, r.ContentLength/2), r.Body}
	onward.ServeHTTP(w, r)
	return true
}

// flipped changes a byte on its way.
func flipped(w http.ResponseWriter, r *http.Request, onward http.Handler) bool {
	r.Body = struct {
		io.Reader
		io.Closer
	}{&flipper{from: r.Body}, r.Body}
	onward.ServeHTTP(w, r)
	return true
}

type flipper struct {
	from io.Reader
	done bool
}

func (f *flipper) Read(p []byte) (int, error) {
	n, err := f.from.Read(p)
	if n > 0 && !f.done {
		p[0], f.done = p[0]^1, true
	}
	return n, err
}

// silent takes all and says nothing, until the client has had enough.
func silent(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
	return true
}

// slow waits, with the line's own time.
func slow(http.ResponseWriter, *http.Request, http.Handler) bool {
	time.Sleep(50 * time.Millisecond)
	return false
}

// says answers in the place of whom it stands before.
func says(status int, contentType, body string) func(http.ResponseWriter, *http.Request, http.Handler) bool {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, body)
		return true
	}
}

func s3Error(status int, code string) func(http.ResponseWriter, *http.Request, http.Handler) bool {
	return says(status, "application/xml", "<Error><Code>"+code+"</Code><Message>No.</Message><RequestId>7</RequestId></Error>")
}

type action = func(http.ResponseWriter, *http.Request, http.Handler) bool

// oneIn does it to one request in n.
func oneIn(n int, do action) fault {
	return func(all, _ int, w http.ResponseWriter, r *http.Request, onward http.Handler) bool {
		return all%n == n/2 && do(w, r, onward)
	}
}

// first does it to the first request of each kind that has this method.
func first(method string, do action) fault {
	return func(_, this int, w http.ResponseWriter, r *http.Request, onward http.Handler) bool {
		return this == 1 && r.Method == method && do(w, r, onward)
	}
}

// always does it to each request of this method.
func always(method string, do action) fault {
	return func(_, _ int, w http.ResponseWriter, r *http.Request, onward http.Handler) bool {
		return r.Method == method && do(w, r, onward)
	}
}

// inTurn does these to the first requests of each kind, one to each.
func inTurn(actions ...action) fault {
	return func(_, this int, w http.ResponseWriter, r *http.Request, onward http.Handler) bool {
		return this <= len(actions) && actions[this-1](w, r, onward)
	}
}
