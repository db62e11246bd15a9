package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
)

// half is more than a loopback connection buffers without a reader, so that the server is reading once it is sent.
const half = 16 << 20

// open sends the head of a request and waits until the server asks for the body.
func open(t *testing.T, method, target, contentType string, length int) *net.TCPConn {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(limit))
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n", method,
		u.RequestURI(), u.Host, length)
	if contentType != "" {
		head += "Content-Type: " + contentType + "\r\n"
	}
	write(t, conn, []byte(head+"\r\n"))
	want := "HTTP/1.1 100 Continue\r\n\r\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Fatalf("answer to the head: got %q, %v", got, err)
	}
	return conn.(*net.TCPConn)
}

// halfPut sends the first half of an upload of twice half.
func halfPut(t *testing.T, signed string) *net.TCPConn {
	t.Helper()
	conn := open(t, "PUT", signed, "", 2*half)
	write(t, conn, make([]byte, half))
	return conn
}

func write(t *testing.T, conn net.Conn, b []byte) {
	t.Helper()
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
}

// answer reads the response to what was sent on conn.
func answer(t *testing.T, conn net.Conn) (int, string) {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func (p *process) awaitStopping(t *testing.T) {
	t.Helper()
	p.await(t, p.stderr, `"stopping"`, func(s string) bool { return strings.Contains(s, `"msg":"stopping"`) })
}

func TestSIGTERMFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startLocal(t, dir)
	job := p.create(t)
	store := halfPut(t, job.UploadURL)
	api := open(t, "POST", p.api+"/import", "application/json", len("{}"))
	p.signal(t, syscall.SIGTERM)
	p.awaitStopping(t)

	write(t, api, []byte("{}"))
	if status, body := answer(t, api); status != http.StatusCreated {
		t.Errorf("API request: got %d %s, want 201", status, body)
	}
	write(t, store, make([]byte, half))
	if status, body := answer(t, store); status != http.StatusOK {
		t.Errorf("upload: got %d %s, want 200", status, body)
	}
	if status := p.wait(t); status.ExitStatus() != 0 {
		t.Errorf("got %v, want exit status 0; stderr:\n%s", p.err, p.stderr)
	}
	startLocal(t, dir).wantStatus(t, job.ID, client.ImportStatusCompleted)
}

func TestSecondSIGTERMEndsAtOnce(t *testing.T) {
	t.Parallel()
	p := startLocal(t, t.TempDir())
	open(t, "POST", p.api+"/import", "application/json", len("{}")) // never ends by itself
	p.signal(t, syscall.SIGTERM)
	p.awaitStopping(t)
	again := time.NewTicker(10 * time.Millisecond) // one that comes before the first has taken effect is not heard
	defer again.Stop()
	for running := true; running; {
		p.signal(t, syscall.SIGTERM)
		select {
		case <-p.exited:
			running = false
		case <-again.C:
		}
	}
	if status := p.wait(t); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("got %v, want an end by SIGTERM; stderr:\n%s", p.err, p.stderr)
	}
}

// TestBrokenUploadStoresNothing: an aborted upload stores nothing, and its URL stays valid.
func TestBrokenUploadStoresNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startLocal(t, dir)
	settings := p.sameAddresses(t)
	cuts := []struct {
		name string
		cut  func(*net.TCPConn) error
	}{
		{"closed", (*net.TCPConn).Close},
		{"reset", func(c *net.TCPConn) error { return errors.Join(c.SetLinger(0), c.Close()) }},
		{"half closed", func(c *net.TCPConn) error {
			err := c.CloseWrite()
			if status, body := answer(t, c); status != http.StatusBadRequest ||
				!strings.Contains(body, "<Code>IncompleteBody</Code>") {
				t.Errorf("half closed: got %d %s, want 400 IncompleteBody", status, body)
			}
			return err
		}},
	}
	jobs := make([]client.Import, len(cuts))
	for i, c := range cuts {
		jobs[i] = p.create(t)
		if err := c.cut(halfPut(t, jobs[i].UploadURL)); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
	}
	p.stop(t) // which waits until the store has done with them
	p = startLocal(t, dir, settings...)
	for i, c := range cuts {
		t.Run(c.name, func(t *testing.T) {
			p.wantStatus(t, jobs[i].ID, client.ImportStatusAwaitingUpload)
			upload(t, jobs[i].UploadURL, bytes.Repeat([]byte("whole"), 1000))
			p.wantStatus(t, jobs[i].ID, client.ImportStatusCompleted)
		})
	}
}
