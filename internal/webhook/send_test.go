package webhook

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// newTLS returns a receiver that supports only HTTP/2 over TLS.
func newTLS(t *testing.T) *httptest.Server {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			http.Error(w, r.Proto, http.StatusHTTPVersionNotSupported)
		}
	}))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = quiet
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func TestSendResponses(t *testing.T) {
	for _, c := range []struct {
		status int
		header string // Retry-After
		wait   time.Duration
		reason string // after the host; empty: none
	}{
		{200, "", 0, ""}, {202, "5", 0, ""}, {204, "", 0, ""}, {299, "", 0, ""},
		{300, "", 0, " returned 300 Multiple Choices"}, {304, "", 0, " returned 304 Not Modified"},
		{400, "7", 0, " returned 400 Bad Request"}, {410, "", 0, " returned 410 Gone"}, {599, "", 0, " returned 599"},
		{429, "7", 7 * time.Second, " returned 429 Too Many Requests"}, {429, "", 0, " returned 429 Too Many Requests"},
		{500, "7", 0, " returned 500 Internal Server Error"},
		{503, "120", 2 * time.Minute, " returned 503 Service Unavailable"},
	} {
		server := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", c.header)
			w.WriteHeader(c.status)
		})
		err := newSender(t, Options{}).send(t, server.URL+"?query")
		if c.reason == "" {
			if err != nil {
				t.Errorf("Send, answered by %d: got %v, want nil", c.status, err)
			}
			continue
		}
		f := failed(t, fmt.Sprint("Send, answered by ", c.status), err)
		if want := strings.TrimPrefix(server.URL, "http://") + c.reason; f.Status != c.status || f.RetryAfter != c.wait ||
			f.Error() != want {
			t.Errorf("Send, answered by %d: got %d, %v, %q, want %v, %q", c.status, f.Status, f.RetryAfter, f, c.wait, want)
		}
	}
}

// raw is a TCP server that calls answer with each connection and the header of the request.
func raw(t *testing.T, answer func(net.Conn, string)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var answering sync.WaitGroup
	answering.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			answering.Go(func() {
				defer conn.Close()
				request, err := bufio.NewReader(conn).ReadString('\n')
				if err == nil {
					answer(conn, request)
				}
			})
		}
	})
	t.Cleanup(func() { listener.Close(); answering.Wait() })
	return listener.Addr().String()
}

// TestSendToBadReceivers: a delivery to a misbehaving receiver ends, its failure does not contain text of the receiver,
// and the sender reads a limited amount.
func TestSendToBadReceivers(t *testing.T) {
	var taken atomic.Int64 // of 1 GB
	for _, c := range []struct {
		what   string
		answer func(net.Conn, string)
		reason string // after the host; empty: none
	}{
		{"closes at once", func(net.Conn, string) {}, " closed the connection without a response"},
		{"resets", func(c net.Conn, _ string) { c.(*net.TCPConn).SetLinger(0) }, ": connection reset by peer"},
		{"closes half-way through the head", func(c net.Conn, _ string) { io.WriteString(c, "HTTP/1.1 200 O") },
			" closed the connection without a response"},
		{"echoes", func(c net.Conn, request string) { io.WriteString(c, request+"\r\n") },
			" did not return a valid HTTP response"},
		{"does not speak HTTP", func(c net.Conn, _ string) { io.WriteString(c, "SSH-2.0-query\r\n") },
			" did not return a valid HTTP response"},
		{"has an endless head", func(c net.Conn, _ string) {
			for _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n"); err == nil; _, err = fmt.Fprintf(c, "A: %01000d\r\n", 0) {
			}
		}, " did not return a valid HTTP response"},
		{"closes half-way through the body", func(c net.Conn, _ string) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
		}, ""},
		{"answers 1 GB", func(c net.Conn, _ string) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
			n, _ := io.CopyN(c, zeros{}, 1_000_000_000)
			taken.Store(n)
		}, ""},
	} {
		host := raw(t, c.answer)
		s := newSender(t, Options{Timeout: limit})
		err := s.send(t, "http://"+host+"/path?query")
		if c.reason == "" {
			if err != nil {
				t.Errorf("Send to a receiver that %s: got %v, want nil", c.what, err)
			}
			continue
		}
		f := failed(t, "Send to a receiver that "+c.what, err)
		if f.Status != 0 || f.Error() != host+c.reason || errors.Unwrap(f) == nil {
			t.Errorf("Send to a receiver that %s: got %d %q, want 0 %q and a cause", c.what, f.Status, f, host+c.reason)
		}
	}
	t.Cleanup(func() { // after the receivers have ended
		if n := taken.Load(); n > 64<<20 {
			t.Errorf("of 1 GB, %d bytes were taken, want what buffers hold at most", n)
		}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	host := listener.Addr().String()
	if f := failed(t, "Send to a closed port", newSender(t, Options{}).send(t,
		"http://"+host)); f.Reason != host+": connection refused" {
		t.Errorf("Send to a closed port: got %q", f.Reason)
	}
}

// TestSendToHangingReceivers: a delivery ends after the timeout. A complete header of a response is enough.
func TestSendToHangingReceivers(t *testing.T) {
	for name, c := range map[string]struct{ answer, reason string }{
		"before the response": {"", "hangs.test did not respond in time"},
		"within the header":   {"HTTP/1.1 2", "hangs.test did not respond in time"},
		"within the body":     {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSender(t, Options{})
				s.http.DialContext = func(context.Context, string, string) (net.Conn, error) {
					client, server := net.Pipe()
					go func() {
						defer server.Close()
						_, _ = http.ReadRequest(bufio.NewReader(server))
						_, _ = io.WriteString(server, c.answer)
						_, _ = io.Copy(io.Discard, server)
					}()
					return client, nil
				}
				began := time.Now()
				got := ""
				if err := s.send(t, "http://hangs.test/path?query"); err != nil {
					got = err.Error()
				}
				if took := time.Since(began); got != c.reason || took != defaultTimeout {
					t.Errorf("Send: got %q after %s, want %q after %s", got, took, c.reason, defaultTimeout)
				}
			})
		})
	}
}

// zeros is an endless reader of zeros.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// TestSendCanceled: a canceled delivery returns a failure that says so.
func TestSendCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	host := raw(t, func(c net.Conn, _ string) { cancel(); io.Copy(io.Discard, c) })
	f := failed(t, "Send", newSender(t, Options{}).Send(ctx, "http://"+host+"/?query", "id", time.Now(), nil))
	if want := "the request to " + host + " was canceled"; f.Reason != want || !errors.Is(f, context.Canceled) {
		t.Errorf("Send, canceled: got %q, %v, want %q", f, errors.Unwrap(f), want)
	}
}

// TestSendKeepsConnections: connections are reused, also after a response with a body.
func TestSendKeepsConnections(t *testing.T) {
	server := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 32<<10)) })
	s := newSender(t, Options{})
	for range 5 {
		if err := s.send(t, server.URL); err != nil {
			t.Fatal(err)
		}
	}
	if n := server.connections.Load(); n != 1 {
		t.Errorf("five deliveries: got %d connections, want 1", n)
	}
}
