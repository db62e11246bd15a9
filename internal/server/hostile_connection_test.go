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

// connections are used in ways that clients seldom use them.
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
						t.Errorf("answer %d: got that of %s, want that of %s", i, id, order[i])
					}
				}
			}},
		{name: "50 of which the 25th ends it",
			sent: strings.Repeat(s.get("/healthz"), 24) + s.get("/healthz", "Connection: close") +
				strings.Repeat(s.hidden(), 25), want: strings.Repeat("200, ", 25) + "closed"},
		{name: "50 of which the 25th is none",
			sent: strings.Repeat(s.get("/healthz"), 24) + "x\r\n\r\n" + strings.Repeat(s.hidden(), 25),
			want: strings.Repeat("200, ", 24) + refused},
		{name: "50 that are wrong", sent: strings.Repeat(s.json("{]"), 50),
			want: strings.Repeat("400 invalid-json, ", 49) + "400 invalid-json"},
	}
}

// piecemeal sends a request a byte at a time, each in a packet of its own.
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
	s.judge(t, row{sent: "a byte at a time", want: want}, s.converse(conn, want, false, written))
}

// reset ends connections at points where the service waits for more, or is at work. It goes on, and tells of those
// requests whose header it had.
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
		if c.lost > 0 { // nothing tells when it has read so much, and what it has not read is lost
			time.Sleep(100 * time.Millisecond)
		}
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
		s.lost += c.lost
		for deadline := time.Now().Add(limit); strings.Count(s.log.String(),
			`"msg":"request"`) < before+c.lost; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the log does not tell of %s", shown(c.sent))
			}
		}
		s.hold(t, row{sent: s.get("/healthz"), want: "200"})
	}
}

// idle keeps 200 connections open, half of which were used before, and has others served meanwhile.
func (s *service) idle(t *testing.T) {
	var conns []net.Conn
	use := func(conn net.Conn) {
		t.Helper()
		written := make(chan struct{})
		close(written)
		conn.SetDeadline(time.Now().Add(limit))
		io.WriteString(conn, s.get("/healthz"))
		s.judge(t, row{sent: "over an idle connection", want: "200"}, s.converse(conn, "200", false, written))
	}
	for i := range 200 {
		conns = append(conns, s.dial(t))
		if i%2 == 1 {
			use(conns[i])
		}
	}
	for range 20 {
		s.hold(t, row{sent: s.get("/healthz"), want: "200"})
	}
	for i := 1; i < len(conns); i += 2 { // the others may have been closed, for want of a header
		use(conns[i])
	}
	for _, conn := range conns {
		conn.Close()
	}
}

// create makes an import of the key's owner and returns its id.
func (s *service) create(key string) string {
	conversation := s.send(bare("POST /import HTTP/1.1", "Host: "+s.address, "X-Api-Key: "+key,
		"Content-Type: application/json", "Content-Length: 2")+"{}", "200", false)
	s.note(conversation)
	var job struct{ ID string }
	if len(conversation.replies) == 0 || json.Unmarshal(conversation.replies[0].body, &job) != nil || job.ID == "" {
		return "no import: " + conversation.String()
	}
	return job.ID
}

// slow are clients that take their time: 10 s for a header, 30 s for all of a request, and no more.
var slow = []struct {
	name  string
	sent  func(*service) string
	drip  string        // what is sent again and again after it, every half second
	want  string        // as in row
	after time.Duration // when it ends
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
	// net/http waits for it, so that the client need not read while it sends
	{"a body that nobody reads", func(s *service) string { return s.head("POST /nothing", "Content-Length: 100") }, "",
		"404 not-found, closed", 30 * time.Second},
	{"a body that is too large", func(s *service) string { return s.post("", "Content-Length: 200000") }, "",
		"413 body-too-large, closed", 30 * time.Second},
}

// beginSlow starts the slow clients, on services of their own, and returns what waits for them, judges and counts them.
func beginSlow(t *testing.T) func(*testing.T) int {
	services := []*service{start(t), startGuarded(t)}
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
				t.Run(s.by("slow/", "slow with a key/")+c.name, func(t *testing.T) {
					got := <-outcomes[i][j]
					s.judge(t, row{sent: c.sent(s), want: c.want}, got.conversation)
					if got.took < c.after-time.Second || got.took > c.after+15*time.Second {
						t.Errorf("it ended after %v, want %v", got.took, c.after)
					}
				})
			}
			s.checkLog(t)
		}
		return len(slow)
	}
}

// drip sends text and then, if there is more, that every half second, and returns what came back until the connection
// ended.
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
