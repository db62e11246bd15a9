package localstore

import (
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// pipeListener accepts the connections that a test sends to it.
type pipeListener chan net.Conn

func (l pipeListener) Accept() (net.Conn, error) {
	if conn, ok := <-l; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}
func (l pipeListener) Close() error   { return nil }
func (l pipeListener) Addr() net.Addr { return nil }

// TestBodyLimitIsForEachRead: a body may take any time, as long as the client sends some of it within each limit.
func TestBodyLimitIsForEachRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = time.Minute
		result := make(chan error, 1)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, newBody(w, r, limit))
			result <- err
		})}
		listener := make(pipeListener)
		defer close(listener)
		go server.Serve(listener)
		for _, stalls := range []bool{false, true} {
			client, conn := net.Pipe()
			listener <- conn
			go io.Copy(io.Discard, client)
			if _, err := io.WriteString(client, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			for range 99 {
				time.Sleep(limit - time.Second)
				if _, err := client.Write([]byte("x")); err != nil {
					t.Fatal(err)
				}
			}
			if !stalls {
				client.Write([]byte("x"))
			}
			if err := <-result; stalls != errors.Is(err, errStalled) || !stalls && err != nil {
				t.Errorf("stalls: %v: body = %v", stalls, err)
			}
			client.Close()
		}
	})
}
