package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// connections are half closed or carry pipelined requests.
func connections(s *service) []row {
	var pipelined strings.Builder
	var order []string
	for i := range 50 {
		order = append(order, fmt.Sprintf("%s-of-50", s.fresh()))
		line := "GET /healthz"
		if i%2 == 1 {
			line = "POST /import"
		}
		pipelined.WriteString(s.head(line, "X-Request-Id: "+order[i]))
	}
	return []row{
		{name: "half closed after health", sent: s.get("/healthz"), fin: true, want: "200, closed"},
		{name: "half closed after an import", sent: s.head("POST /import"), fin: true, want: "200, closed"},
		{name: "half closed after a bad body", sent: s.json("{]"), fin: true, want: "400 invalid-json, closed"},
		{name: "half closed after ten", sent: strings.Repeat(s.get("/healthz"), 10), fin: true,
			want: strings.Repeat("200, ", 10) + "closed"},
		{name: "half closed after a line end", sent: s.head("POST /import") + "\r\n", fin: true, want: "200, closed"},
		{name: "50 at once", sent: pipelined.String(), want: strings.Repeat("200, ", 49) + "200",
			also: func(t *testing.T, r []reply) {
				for i := range r {
					if id := r[i].header.Get("X-Request-Id"); id != order[i] {
						t.Errorf("response %d: got that of %s, want that of %s", i, id, order[i])
					}
				}
			}},
		{name: "50 of which the 25th ends it",
			sent: strings.Repeat(s.get("/healthz"), 24) + s.get("/healthz", "Connection: close") +
				strings.Repeat(s.hidden(), 25), want: strings.Repeat("200, ", 25) + "closed"},
		{name: "50 of which the 25th is malformed",
			sent: strings.Repeat(s.get("/healthz"), 24) + "x\r\n\r\n" + strings.Repeat(s.hidden(), 25),
			want: strings.Repeat("200, ", 24) + refused},
		{name: "50 that are wrong", sent: strings.Repeat(s.json("{]"), 50),
			want: strings.Repeat("400 invalid-json, ", 49) + "400 invalid-json"},
	}
}

// piecemeal sends two requests byte by byte, each byte in its own packet.
func (s *service) piecemeal(t *testing.T) {
	conn := s.dial(t)
	conn.SetDeadline(time.Now().Add(limit))
	written := make(chan struct{})
	go func() {
		defer close(written)
		for _, c := range []byte(s.json(" {} ") + s.get("/nothing")) {
			conn.Write([]byte{c})
		}
	}()
	const want = "201, 404 not-found"
	s.verify(t, row{sent: "a byte at a time", want: want}, s.converse(conn, want, false, written))
}

// reset resets connections while the service reads or handles a request. The service continues to serve and logs the
// requests whose header was complete.
func (s *service) reset(t *testing.T) {
	for _, c := range []struct {
		sent string
		lost int
	}{
		{"", 0}, {"GET /hea", 0}, {s.get("/healthz")[:60], 0},
		{s.post("{", "Content-Length: 10", "Expect: 100-continue"), 1},
		{s.post("5\r\n{", chunked, "Expect: 100-continue"), 1},
		{s.json("{]"), 1},
		{s.head("POST /nothing", "Content-Length: 10", "Expect: 100-continue") + "x", 1},
	} {
		before := strings.Count(s.log.String(), `"msg":"request"`)
		conn := s.dial(t)
		if _, err := io.WriteString(conn, c.sent); err != nil {
			t.Fatal(err)
		}
		if c.lost > 0 { // A reset discards what the service has not read. It has read the header if it sends something.
			conn.SetDeadline(time.Now().Add(limit))
			if _, err := conn.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
		s.unanswered += c.lost
		for deadline := time.Now().Add(limit); strings.Count(s.log.String(),
			`"msg":"request"`) < before+c.lost; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the log has no line for %s", abbreviated(c.sent))
			}
		}
		s.run(t, row{sent: s.get("/healthz"), want: "200"})
	}
}

// idle keeps 200 connections open, half of them already used, while other connections are served.
func (s *service) idle(t *testing.T) {
	var conns []net.Conn
	use := func(conn net.Conn) {
		t.Helper()
		written := make(chan struct{})
		close(written)
		conn.SetDeadline(time.Now().Add(limit))
		io.WriteString(conn, s.get("/healthz"))
		s.verify(t, row{sent: "over an idle connection", want: "200"}, s.converse(conn, "200", false, written))
	}
	for i := range 200 {
		conns = append(conns, s.dial(t))
		if i%2 == 1 {
			use(conns[i])
		}
	}
	for range 20 {
		s.run(t, row{sent: s.get("/healthz"), want: "200"})
	}
	for i := 1; i < len(conns); i += 2 { // the service may have closed the others, which sent no header in time
		use(conns[i])
	}
	for _, conn := range conns {
		conn.Close()
	}
}

// create creates an import of the key's owner and returns its id.
func (s *service) create(key string) string {
	conversation := s.send(bare("POST /import HTTP/1.1", "Host: "+s.address, "X-Api-Key: "+key,
		"Content-Type: application/json", "Content-Length: 2")+"{}", "200", false)
	s.record(conversation)
	var job struct{ ID string }
	if len(conversation.replies) == 0 || json.Unmarshal(conversation.replies[0].body, &job) != nil || job.ID == "" {
		return "no import: " + conversation.String()
	}
	return job.ID
}
