package server_test

import (
	"bufio"
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
	const want = "200, 404 not-found"
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
		{s.post("{", "Content-Length: 10"), 1},
		{s.post("5\r\n{", chunked), 1},
		{s.json("{]"), 1},
		{s.head("POST /nothing", "Content-Length: 10") + "x", 1},
	} {
		before := strings.Count(s.log.String(), `"msg":"request"`)
		conn := s.dial(t)
		if _, err := io.WriteString(conn, c.sent); err != nil {
			t.Fatal(err)
		}
		if c.lost > 0 { // The test cannot observe when the service has read this, and a reset discards what it has not read.
			time.Sleep(100 * time.Millisecond)
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

// slow are slow clients. The service allows 10 s for a header and 30 s for a whole request.
var slow = []struct {
	name  string
	sent  func(*service) string
	drip  string        // sent every half second afterwards
	want  string        // as in row
	after time.Duration // until the service closes the connection
}{
	{"nothing", func(*service) string { return "" }, "", "closed", 10 * time.Second},
	{"half a line", func(*service) string { return "GET /heal" }, "", refused, 10 * time.Second},
	{"a line that grows", func(*service) string { return "GET /" }, "a", refused, 10 * time.Second},
	{"a header without end", func(s *service) string { return bare("GET /healthz HTTP/1.1", "Host: "+s.address)[:40] },
		"", "closed", 10 * time.Second},
	{"a header that grows", func(s *service) string { return "GET /healthz HTTP/1.1\r\nHost: " + s.address + "\r\n" },
		"X: y\r\n", "closed", 10 * time.Second},
	{"TLS", func(*service) string {
		return "\x16\x03\x01\x00\xf1\x01\x00\x00\xed\x03\x03" + strings.Repeat("\x01", 235)
	}, "", refused, 10 * time.Second},
	{"CR alone", func(s *service) string { return strings.ReplaceAll(s.get("/healthz"), "\r\n", "\r") }, "", refused,
		10 * time.Second},
	{"half of a second request", func(s *service) string { return s.get("/healthz") + "GET /heal" }, "",
		"200, 400 plain, closed", 10 * time.Second},
	{"a body that does not come", func(s *service) string { return s.post("", "Content-Length: 100") }, "",
		"408 request-timeout, closed", 30 * time.Second},
	{"a body that comes by bytes", func(s *service) string { return s.post("{", "Content-Length: 100") }, " ",
		"408 request-timeout, closed", 30 * time.Second},
	{"a body that comes by chunks", func(s *service) string { return s.post("1\r\n{\r\n", chunked) }, "1\r\n \r\n",
		"408 request-timeout, closed", 30 * time.Second},
	{"a chunk size that grows", func(s *service) string { return s.post("", chunked) }, "0",
		"408 request-timeout, closed", 30 * time.Second},
	{"a trailer that grows", func(s *service) string { return s.post("2\r\n{}\r\n0\r\n", chunked) }, "X: y\r\n",
		incomplete, 30 * time.Second},
	{"a body that was asked for", func(s *service) string {
		return s.post("", "Expect: 100-continue", "Content-Length: 100")
	}, "", "100, 408 request-timeout, closed",
		30 * time.Second},
	// net/http waits for the body, because the client may read only after it has sent everything.
	{"a body to an unknown path", func(s *service) string { return s.head("POST /nothing", "Content-Length: 100") }, "",
		"404 not-found, closed", 30 * time.Second},
	{"a body that is too large", func(s *service) string { return s.post("", "Content-Length: 200000") }, "",
		"413 body-too-large, closed", 30 * time.Second},
}

// beginSlow starts the slow clients on separate services. The returned function waits for them, checks them and returns
// their number.
func beginSlow(t *testing.T) func(*testing.T) int {
	services := []*service{start(t), startWithKeys(t)}
	type outcome struct {
		conversation
		took time.Duration
	}
	outcomes := make([][]chan outcome, len(services))
	for i, s := range services {
		for _, c := range slow {
			ended := make(chan outcome, 1)
			outcomes[i] = append(outcomes[i], ended)
			conn, text := s.dial(t), c.sent(s)
			go func() {
				began := time.Now()
				ended <- outcome{drip(conn, text, c.drip), time.Since(began)}
			}()
		}
	}
	return func(t *testing.T) int {
		for i, s := range services {
			for j, c := range slow {
				t.Run(s.either("slow/", "slow with a key/")+c.name, func(t *testing.T) {
					got := <-outcomes[i][j]
					s.verify(t, row{sent: c.sent(s), want: c.want}, got.conversation)
					if got.took < c.after-time.Second || got.took > c.after+15*time.Second {
						t.Errorf("the connection ended after %v, want %v", got.took, c.after)
					}
				})
			}
			s.checkLog(t)
		}
		return len(slow)
	}
}

// drip sends text, and then more every half second unless it is empty. It returns all responses until the connection
// ends.
func drip(conn net.Conn, text, more string) (c conversation) {
	conn.SetDeadline(time.Now().Add(30*time.Second + limit))
	io.WriteString(conn, text)
	ended := make(chan struct{})
	defer close(ended)
	if more != "" {
		go func() {
			for tick := time.NewTicker(500 * time.Millisecond); ; {
				select {
				case <-ended:
					tick.Stop()
					return
				case <-tick.C:
					io.WriteString(conn, more)
				}
			}
		}()
	}
	reader := bufio.NewReader(conn)
	for c.end == "" {
		c.read(reader, false)
	}
	return c
}
