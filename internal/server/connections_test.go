package server_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/config"
)

// dialFrom opens a connection from another address of this machine.
func (s *service) dialFrom(t *testing.T, address string) net.Conn {
	t.Helper()
	dialer := net.Dialer{Timeout: limit, LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	conn, err := dialer.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(limit))
	return conn
}

// ask sends a request and returns its response. A connection that the server closes without one is an error.
func roundTrip(conn net.Conn, request string) (*http.Response, []byte, error) {
	if _, err := io.WriteString(conn, request); err != nil {
		return nil, nil, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, body, err
}

// served fails the test unless conn is served.
func (s *service) expectServed(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, _, err := roundTrip(conn, s.get("/healthz")); err != nil {
		t.Errorf("GET /healthz from %s: got %v, want a response", conn.LocalAddr(), err)
	}
}

// closed fails the test unless the server closes conn without a response.
func (s *service) expectClosed(t *testing.T, conn net.Conn) {
	t.Helper()
	response, _, err := roundTrip(conn, s.get("/healthz"))
	if timeout, ok := err.(net.Error); err == nil || ok && timeout.Timeout() {
		t.Errorf("GET /healthz from %s: got %v, %v, want a closed connection", conn.LocalAddr(), response, err)
	}
}

// TestWaitingLeavesConnections: requests that wait take half of the connections. Others are served meanwhile.
func TestWaitingLeavesConnections(t *testing.T) {
	s := startAs(t, config.Config{MaxConnections: 4}, &service{})
	_, body, err := roundTrip(s.dial(t), s.json("{}", "Connection: close"))
	var job struct {
		ID        string
		Status    string
		UploadURL string `json:"upload_url"`
	}
	if err != nil || json.Unmarshal(body, &job) != nil {
		t.Fatalf("POST /import: got %s, %v, want an import", body, err)
	}
	statuses := make(chan string, 4)
	for range 4 {
		conn := s.dial(t)
		go func() {
			conn.SetDeadline(time.Now().Add(limit))
			_, body, err := roundTrip(conn, s.get("/import/"+job.ID+"?wait=25", "Connection: close"))
			answer := job
			if err != nil || json.Unmarshal(body, &answer) != nil {
				t.Errorf("GET with wait: got %s, %v, want the import", body, err)
			}
			statuses <- answer.Status
		}()
	}
	for range 2 {
		if got := <-statuses; got != "awaiting_upload" {
			t.Errorf("GET with wait while two requests wait: got %s, want awaiting_upload", got)
		}
	}
	s.expectServed(t, s.dial(t))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, job.UploadURL, bytes.NewReader([]byte("x")))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if response.Body.Close(); response.StatusCode != http.StatusOK {
		t.Fatalf("PUT: got %s, want 200", response.Status)
	}
	for range 2 {
		if got := <-statuses; got != "completed" {
			t.Errorf("GET with wait: got %s, want completed", got)
		}
	}
}

// TestConnectionsPerClient: a client's connections beyond its limit are closed, also while all connections are in use.
// Other clients are served.
func TestConnectionsPerClient(t *testing.T) {
	s := startAs(t, config.Config{MaxConnections: 3, MaxConnectionsPerClient: 2}, &service{})
	var held []net.Conn
	for range 2 {
		conn := s.dialFrom(t, "127.0.0.1")
		s.expectServed(t, conn)
		held = append(held, conn)
	}
	s.expectClosed(t, s.dialFrom(t, "127.0.0.1"))
	other := s.dialFrom(t, "127.0.0.2")
	s.expectServed(t, other)
	for range 20 { // all three are in use
		s.expectClosed(t, s.dialFrom(t, "127.0.0.1"))
	}
	queued := s.dialFrom(t, "127.0.0.3")
	other.Close()
	s.expectServed(t, queued)
	queued.Close()
	held[0].Close()
	for deadline := time.Now().Add(limit); ; time.Sleep(time.Millisecond) { // until the server has closed its side
		if _, _, err := roundTrip(s.dialFrom(t, "127.0.0.1"), s.get("/healthz")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("after a connection ended, its client cannot open another")
		}
	}
}

// TestConnectionsPerClientExemptions: the limit does not apply to trusted proxies. By default it is generous.
func TestConnectionsPerClientExemptions(t *testing.T) {
	for name, c := range map[string]config.Config{
		"trusted proxy": {MaxConnectionsPerClient: 1, TrustedProxies: []string{"127.0.0.0/8"}},
		"default":       {MaxConnections: 16},
	} {
		t.Run(name, func(t *testing.T) {
			s := startAs(t, c, &service{})
			for range 16 {
				s.expectServed(t, s.dialFrom(t, "127.0.0.1"))
			}
		})
	}
}

// TestIdleConnectionsMakeRoom: while connections are queued, the server closes those that are idle, and those that
// become idle, such as after a request that waited.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	s := startAs(t, config.Config{MaxConnections: 4}, &service{})
	_, body, err := roundTrip(s.dial(t), s.json("{}"))
	var job struct{ ID string }
	if err != nil || json.Unmarshal(body, &job) != nil {
		t.Fatalf("POST /import: got %s, %v, want an import", body, err)
	}
	for range 6 {
		s.expectServed(t, s.dialFrom(t, "127.0.0.1"))
	}
	for range 6 {
		conn := s.dialFrom(t, "127.0.0.1")
		if _, err := io.WriteString(conn, s.get("/import/"+job.ID+"?wait=1")); err != nil {
			t.Fatal(err)
		}
	}
	s.expectServed(t, s.dialFrom(t, "127.0.0.1"))
}

// TestQueuedConnectionsTakeTurns: while connections are queued, the server closes a connection in use after its
// response, which has Connection: close.
func TestQueuedConnectionsTakeTurns(t *testing.T) {
	s := startAs(t, config.Config{MaxConnections: 1}, &service{})
	for { // until the server has accepted the second connection before the request
		first, second := s.dialFrom(t, "127.0.0.1"), s.dialFrom(t, "127.0.0.1")
		response, _, err := roundTrip(first, s.get("/healthz"))
		if err != nil {
			t.Fatal(err)
		}
		if response.Close {
			s.expectServed(t, second)
			return
		}
		first.Close()
		second.Close()
	}
}
