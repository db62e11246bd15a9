package webhook

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// limit is the longest wait of a test. A busy machine may need much longer than the usual milliseconds.
const limit = 30 * time.Second

// The secrets of the tests. The first is from the reference library.
const (
	secretA = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	secretB = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	secretC = "whsec_/////////////////////////////////////w=="
)

// fixed returns keys that sign for every host.
func fixed(t *testing.T, keys ...string) func(context.Context, string) ([]Key, error) {
	t.Helper()
	parsed, err := ParseKeys(strings.Join(keys, ","))
	if err != nil {
		t.Fatal(err)
	}
	return func(context.Context, string) ([]Key, error) { return parsed.Common() }
}

// everyHost allows networks for every host.
func everyHost(t *testing.T, texts ...string) func(string) []*net.IPNet {
	all := networks(t, texts...)
	return func(string) []*net.IPNet { return all }
}

func networks(t *testing.T, texts ...string) []*net.IPNet {
	t.Helper()
	var all []*net.IPNet
	for _, text := range texts {
		_, n, err := net.ParseCIDR(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

// newSender returns a Sender that may call this machine.
func newSender(t *testing.T, o Options) *Sender {
	t.Helper()
	if o.Keys == nil {
		o.Keys = fixed(t, secretA)
	}
	if o.Networks == nil {
		o.Networks = everyHost(t, "127.0.0.0/8", "::1/128")
	}
	s := New(o)
	t.Cleanup(func() { s.http.CloseIdleConnections(); s.https.CloseIdleConnections() })
	return s
}

func (s *Sender) send(t *testing.T, address string) error {
	return s.Send(t.Context(), address, "id", time.Now(), []byte("{}"))
}

// failed returns err as a *Failure, or fails the test.
func failed(t *testing.T, call string, err error) *Failure {
	t.Helper()
	var f *Failure
	if !errors.As(err, &f) {
		t.Fatalf("%s: got %v, want a *Failure", call, err)
	}
	return f
}

// receiver is a server that counts connections and requests.
type receiver struct {
	*httptest.Server
	requests, connections atomic.Int32
}

func newReceiver(t *testing.T, handler http.HandlerFunc) *receiver {
	r := &receiver{}
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.requests.Add(1)
		handler(w, request)
	}))
	r.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			r.connections.Add(1)
		}
	}
	r.Start()
	t.Cleanup(r.Close)
	return r
}

// quiet discards the logs of servers in tests that cause errors.
var quiet = log.New(io.Discard, "", 0)

func ok(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
