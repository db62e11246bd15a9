package upload

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
)

// fault handles an exchange instead of the proxy. It returns false if the proxy must forward the request.
type fault func(x exchange) bool

// exchange is a request and its response.
type exchange struct {
	// all counts all requests, same those of the same kind: the same part, or the same method and path.
	all, same int
	w         http.ResponseWriter
	r         *http.Request
	next      http.Handler // forwards requests
}

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
		x := exchange{p.all, p.count[kind], w, r, next}
		p.mu.Unlock()
		if f == nil || !f(x) {
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
func cutRequest(x exchange) bool {
	io.CopyN(io.Discard, x.r.Body, x.r.ContentLength/2)
	panic(http.ErrAbortHandler)
}

// dropResponse forwards the request and drops the response.
func dropResponse(x exchange) bool {
	x.next.ServeHTTP(httptest.NewRecorder(), x.r)
	panic(http.ErrAbortHandler)
}

// truncateResponse forwards the request and half of the response.
func truncateResponse(x exchange) bool {
	recorded := httptest.NewRecorder()
	x.next.ServeHTTP(recorded, x.r)
	maps.Copy(x.w.Header(), recorded.Header())
	x.w.Header().Set("Content-Length", "100000")
	x.w.WriteHeader(recorded.Code)
	x.w.Write(recorded.Body.Bytes()[:recorded.Body.Len()/2])
	x.w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// truncateBody forwards half of the body and closes the connection.
func truncateBody(x exchange) bool {
	x.r.Body = io.NopCloser(io.LimitReader(x.r.Body, x.r.ContentLength/2))
	return false
}

// flipByte changes a byte of the body.
func flipByte(x exchange) bool {
	x.r.Body = io.NopCloser(&byteFlipper{from: x.r.Body})
	return false
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
func neverRespond(x exchange) bool {
	io.Copy(io.Discard, x.r.Body)
	<-x.r.Context().Done()
	return true
}

// respond responds instead of the server.
func respond(status int, contentType, body string) fault {
	return func(x exchange) bool {
		x.w.Header().Set("Content-Type", contentType)
		x.w.WriteHeader(status)
		io.WriteString(x.w, body)
		return true
	}
}

// editParts changes lists of uploaded parts.
func editParts(t *testing.T, edit func(*client.PartList)) fault {
	return func(x exchange) bool {
		if filepath.Base(x.r.URL.Path) != "parts" || x.r.Method != http.MethodGet {
			return false
		}
		recorded := httptest.NewRecorder()
		x.next.ServeHTTP(recorded, x.r)
		var page client.PartList
		if err := json.Unmarshal(recorded.Body.Bytes(), &page); err != nil || recorded.Code != http.StatusOK {
			t.Errorf("list of parts: got %d %s, %v", recorded.Code, recorded.Body, err)
			return respond(recorded.Code, recorded.Header().Get("Content-Type"), recorded.Body.String())(x)
		}
		edit(&page)
		text, err := json.Marshal(page)
		if err != nil {
			t.Error(err)
		}
		return respond(http.StatusOK, "application/json", string(text))(x)
	}
}

func s3Error(status int, code string) fault {
	return respond(status, "application/xml",
		"<Error><Code>"+code+"</Code><Message>No.</Message><RequestId>7</RequestId></Error>")
}

// oneIn applies f to one of n requests.
func oneIn(n int, f fault) fault {
	return func(x exchange) bool { return x.all%n == n/2 && f(x) }
}

// first applies f to the first request of each kind with this method.
func first(method string, f fault) fault {
	return func(x exchange) bool { return x.same == 1 && x.r.Method == method && f(x) }
}

// always applies f to each request with this method.
func always(method string, f fault) fault {
	return func(x exchange) bool { return x.r.Method == method && f(x) }
}

// inTurn applies these faults to the first requests of each kind, in order.
func inTurn(faults ...fault) fault {
	return func(x exchange) bool { return x.same <= len(faults) && faults[x.same-1](x) }
}
