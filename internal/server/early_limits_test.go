package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Pipes is a listener whose connections are in memory, so that synctest can fake the time.
type Pipes chan net.Conn

func (p Pipes) Accept() (net.Conn, error) {
	if conn, ok := <-p; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}
func (p Pipes) Close() error   { close(p); return nil }
func (p Pipes) Addr() net.Addr { return &net.TCPAddr{} }

// teapot answers every request without reading its body.
var teapot = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "early", http.StatusTeapot)
})

// serveOn runs a server whose responses are early, until stop is called.
func serveOn(t *testing.T, handler http.Handler, listener net.Listener) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	s := &Server{Handler: handler, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	go func() { ended <- s.Serve(ctx, listener) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// TestDiscardLimits: a client that sends slowly, sends nothing, or continues to send while the service stops receives
// its response at once. The service closes the connection in time.
func TestDiscardLimits(t *testing.T) {
	for _, c := range []struct {
		name  string
		head  string
		every time.Duration // between two bytes; 0: the body never comes
		stop  bool
		want  time.Duration
	}{
		{"a byte a second", "Content-Length: 10000000", time.Second, false, requestTimeout},
		{"a chunk a second", "Transfer-Encoding: chunked", time.Second, false, requestTimeout},
		{"nothing", "Content-Length: 10000000", 0, false, discardPause},
		{"nothing, without 100 Continue", "Content-Length: 5\r\nExpect: 100-continue", 0, false, discardPause},
		{"a byte a second while the service stops", "Content-Length: 10000000", time.Second, true, stopTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				listener := make(Pipes)
				stop := serveOn(t, teapot, listener)
				client, server := net.Pipe()
				listener <- server
				start := time.Now()
				fmt.Fprintf(client, "POST / HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n", c.head)
				response, err := http.ReadResponse(bufio.NewReader(client), nil)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(response.Body)
				if response.StatusCode != http.StatusTeapot || !response.Close || string(body) != "early\n" || err != nil ||
					time.Since(start) > 0 {
					t.Errorf("after %s: got %s, close %t, %q, %v, want 418 and close at once", time.Since(start), response.Status,
						response.Close, body, err)
				}
				var stopped sync.WaitGroup
				defer stopped.Wait()
				if c.stop {
					stopped.Go(stop)
				} else {
					defer stop()
				}
				unit := "x"
				if strings.Contains(c.head, "chunked") {
					unit = "1\r\nx\r\n"
				}
				for err == nil && c.every > 0 {
					time.Sleep(c.every)
					_, err = io.WriteString(client, unit)
				}
				_, _ = client.Read(make([]byte, 1)) // until the server closes
				// net/http itself waits half a second before it closes; a slow client notices with its next byte.
				if took := time.Since(start); took < c.want || took > c.want+2*time.Second {
					t.Errorf("the connection ended after %s, want %s", took, c.want)
				}
			})
		})
	}
}

// TestEveryEarlyStatus: the service discards bodies for every status. After a small body the connection stays open.
func TestEveryEarlyStatus(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer serveOn(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var status int
		fmt.Sscan(r.Header.Get("Want"), &status)
		http.Error(w, "early", status)
	}), listener)()
	for _, status := range []int{401, 403, 404, 405, 413, 415, 421, 429, 503} {
		for _, size := range []int{1000, 12e6} {
			conn, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			conn.SetDeadline(time.Now().Add(requestTimeout))
			head := fmt.Sprintf("POST / HTTP/1.1\r\nHost: localhost\r\nWant: %d\r\nContent-Length: %d\r\n\r\n", status, size)
			text, wanted := head+strings.Repeat("x", size), 1
			if size == 1000 {
				text, wanted = text+text, 2 // two requests at once
			}
			if _, err := io.WriteString(conn, text); err != nil {
				t.Fatalf("%d, %d bytes: %v", status, size, err)
			}
			reader := bufio.NewReader(conn)
			for range wanted {
				response, err := http.ReadResponse(reader, nil)
				if err != nil {
					t.Fatalf("%d, %d bytes: %v", status, size, err)
				}
				body, err := io.ReadAll(response.Body)
				if response.StatusCode != status || string(body) != "early\n" || err != nil || response.Close != (wanted == 1) {
					t.Errorf("%d bytes: got %s, close %t, %q, %v, want %d", size, response.Status, response.Close, body, err, status)
				}
			}
			conn.Close()
		}
	}
}
