package localstore

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// pipeListener accepts connections from a channel.
type pipeListener chan net.Conn

func (l pipeListener) Accept() (net.Conn, error) {
	if conn, ok := <-l; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}
func (l pipeListener) Close() error   { return nil }
func (l pipeListener) Addr() net.Addr { return nil }

// TestBodyLimitIsForEachRead checks that a body may take any time if some of it arrives within each limit.
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

// TestDownloadLimitIsForEachWrite checks that a download may take any time if the client receives some of it within
// each limit.
func TestDownloadLimitIsForEachWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, size = time.Minute, 1 << 20
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(size))
			copyPaced(w, r, bytes.NewReader(make([]byte, size)), limit)
		})}
		listener := make(pipeListener)
		defer close(listener)
		go server.Serve(listener)
		for _, stalls := range []bool{false, true} {
			client, conn := net.Pipe()
			listener <- conn
			if _, err := io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			received := 0
			for buffer := make([]byte, 32<<10); received < size/2; {
				n, err := client.Read(buffer)
				if err != nil {
					t.Fatal(err)
				}
				received += n
				time.Sleep(limit / 4)
			}
			if stalls {
				time.Sleep(limit + time.Second)
			}
			rest, err := io.Copy(io.Discard, io.LimitReader(client, int64(size-received)))
			if complete := received+int(rest) == size; complete == stalls || err != nil {
				t.Errorf("stalls: %v: received %d bytes, then %d, %v", stalls, received, rest, err)
			}
			client.Close()
		}
	})
}
