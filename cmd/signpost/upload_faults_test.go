package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// faultProxy forwards requests, except those with a fault.
type faultProxy struct {
	*httptest.Server
	mu     sync.Mutex
	key    string // that it demands, if any
	status int    // 0: the connection is cut
	answer string
	left   int    // requests to answer so; -1: all
	method string // of those requests; empty: any
}

// newFaultProxy starts a proxy of the server at target. Requests keep the host that they were signed for.
func newFaultProxy(t *testing.T, target, key string) *faultProxy {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	g := &faultProxy{key: key}
	proxy := httputil.NewSingleHostReverseProxy(u)
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, answer, own := g.next(r)
		switch {
		case !own:
			proxy.ServeHTTP(w, r)
		case status == 0:
			panic(http.ErrAbortHandler)
		default:
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(status)
			fmt.Fprint(w, answer)
		}
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *faultProxy) next(r *http.Request) (status int, answer string, own bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.Method == http.MethodHead {
		return 0, "", false
	}
	if g.key != "" && r.Header.Get("X-Api-Key") != g.key {
		return http.StatusForbidden, `{"message":"Forbidden"}`, true
	}
	if g.left == 0 || g.method != "" && g.method != r.Method {
		return 0, "", false
	}
	g.left--
	return g.status, g.answer, true
}

// faulty is a service behind a proxy, on a store behind another one.
type faulty struct{ service, store *faultProxy }

func newFaulty(t *testing.T, local *process) *faulty {
	t.Helper()
	store := newFaultProxy(t, local.store(t), "")
	p := start(t, "SIGNPOST_BUCKET="+localBucket, "SIGNPOST_PATH_STYLE=true", "AWS_REGION=us-east-1",
		"SIGNPOST_PUBLIC_ENDPOINT="+store.URL,
		"AWS_ENDPOINT_URL_S3="+local.store(t), "AWS_SHARED_CREDENTIALS_FILE="+local.credentialsFile())
	return &faulty{newFaultProxy(t, p.api, "sesame"), store}
}

// fault sets the response of a proxy: fault service|store cut|STATUS ANSWER TIMES [METHOD]
func (f *faulty) fault(ts *testscript.TestScript, _ bool, args []string) {
	g := map[string]*faultProxy{"service": f.service, "store": f.store}[args[0]]
	g.mu.Lock()
	defer g.mu.Unlock()
	var err error
	g.status, g.answer, g.method = 0, args[2], ""
	if len(args) > 4 {
		g.method = args[4]
	}
	if args[1] != "cut" {
		g.status, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	g.left, err = strconv.Atoi(args[3])
	ts.Check(err)
}

// await waits until the content of a file matches: await FILE PATTERN
func await(ts *testscript.TestScript, _ bool, args []string) {
	wanted := regexp.MustCompile(args[1])
	var text []byte
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if text, _ = os.ReadFile(ts.MkAbs(args[0])); wanted.Match(text) {
			return
		}
	}
	ts.Fatalf("%s never had %s:\n%s", args[0], args[1], text)
}
