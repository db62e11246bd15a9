package server_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
)

// conversation is the responses over a connection.
type conversation struct {
	replies []reply
	end     string // how the connection ended; empty while it is open
	id      string // of the request that showed that the connection is open
}

// reply is a response.
type reply struct {
	status int
	header http.Header
	body   []byte
	code   string // of a problem document
	toHead bool
	last   bool // it has Connection: close
}

func (c conversation) String() string {
	var parts []string
	for _, r := range c.replies {
		parts = append(parts, r.String())
	}
	if c.end != "" {
		parts = append(parts, c.end)
	}
	return strings.Join(parts, ", ")
}

func (r reply) String() string {
	text := strconv.Itoa(r.status)
	switch {
	case r.status == http.StatusContinue:
	case r.fromService() && r.code != "":
		text += " " + r.code
	case r.fromService():
	case len(r.body) > 0:
		text += " plain"
	default:
		text += " bare"
	}
	return text
}

// fromService reports whether the service and not net/http wrote the response.
func (r reply) fromService() bool { return r.header.Get("X-Request-Id") != "" }

// send writes text over a new connection and reads as many responses as want has. Then it checks whether the connection
// is closed or the next request gets its response.
func (s *service) send(text, want string, fin bool) conversation {
	conn, err := net.DialTimeout("tcp", s.address, limit)
	if err != nil {
		return conversation{end: err.Error()}
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(limit))
	written := make(chan struct{})
	go func() { // a service that responds early may leave the rest unread
		defer close(written)
		io.WriteString(conn, text)
		if fin {
			conn.(*net.TCPConn).CloseWrite()
		}
	}()
	defer func() {
		conn.Close()
		<-written
	}()
	return s.converse(conn, want, strings.HasPrefix(text, "HEAD "), written)
}

// converse reads the responses to what is written until written is closed. Then it checks whether the connection is
// still open.
func (s *service) converse(conn net.Conn, want string, toHead bool, written <-chan struct{}) (c conversation) {
	wanted := strings.Split(want, ", ")
	closing := wanted[len(wanted)-1] == "closing"
	if closing || wanted[len(wanted)-1] == "closed" {
		wanted = wanted[:len(wanted)-1]
	}
	reader := bufio.NewReader(conn)
	for c.end == "" && len(c.replies) < len(wanted) {
		c.read(reader, toHead)
	}
	if closing && c.end == "" && c.replies[len(c.replies)-1].last {
		c.end = "closing"
		return c
	}
	<-written
	c.id = s.fresh()
	io.WriteString(conn, bare("GET /healthz HTTP/1.1", "Host: "+s.address, "X-Request-Id: "+c.id))
	for c.end == "" {
		c.read(reader, false)
		if last := len(c.replies) - 1; c.end == "" && c.replies[last].header.Get("X-Request-Id") == c.id {
			c.replies = c.replies[:last]
			break
		}
	}
	return c
}

// read reads a response, or records how the connection ended.
func (c *conversation) read(reader *bufio.Reader, toHead bool) {
	_, err := reader.Peek(1)
	switch {
	case err == nil:
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		c.end = "closed"
		return
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.end = "silent"
		return
	default:
		c.end = err.Error()
		return
	}
	request := &http.Request{Method: http.MethodGet}
	if toHead {
		request.Method = http.MethodHead
	}
	response, err := http.ReadResponse(reader, request)
	if err != nil {
		c.end = err.Error()
		return
	}
	body, err := io.ReadAll(response.Body)
	switch {
	case err == nil:
	// The body ends with the connection, which the service reset because it had unread data.
	case errors.Is(err, syscall.ECONNRESET) && response.ContentLength < 0:
		c.end = "closed"
	default:
		c.end = err.Error()
		return
	}
	r := reply{status: response.StatusCode, header: response.Header, body: body, toHead: toHead, last: response.Close}
	if response.Header.Get("Content-Type") == "application/problem+json" {
		var p client.Problem
		if json.Unmarshal(body, &p) == nil {
			r.code = p.Code
		}
	}
	c.replies = append(c.replies, r)
}

// check checks the headers that every response of the service must have.
func (r reply) check(t *testing.T) {
	t.Helper()
	if !r.fromService() {
		return
	}
	for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "X-Request-Id"} {
		if len(r.header.Values(name)) != 1 {
			t.Errorf("%s: got %q, want one %s", r, r.header.Values(name), name)
		}
	}
	for name := range r.header {
		if !responseHeaders[name] {
			t.Errorf("%s: got a header field %q: %q", r, name, r.header[name])
		}
	}
	if r.status >= 500 {
		t.Errorf("got %d %s", r.status, r.body)
	}
	if r.status >= 400 && !r.toHead {
		r.checkProblem(t)
	}
}

// known are the header fields that responses of the service may have. Another one would be an injection by a client.
var responseHeaders = func() map[string]bool {
	names := map[string]bool{}
	for name := range strings.FieldsSeq(`Content-Security-Policy X-Content-Type-Options Referrer-Policy X-Request-Id
		Content-Type Content-Length Location Cache-Control Cross-Origin-Opener-Policy Etag Date Connection Allow Www-Authenticate
		Vary Accept-Encoding Accept-Ranges Access-Control-Allow-Origin
		Access-Control-Allow-Methods Access-Control-Allow-Headers Access-Control-Expose-Headers Access-Control-Max-Age`) {
		names[name] = true
	}
	return names
}()

// checkProblem checks a problem document by RFC 9457 and the OpenAPI document.
func (r reply) checkProblem(t *testing.T) {
	t.Helper()
	if got := r.header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("%s: got %q, want a problem document, not %.200s", r, got, r.body)
		return
	}
	if got := r.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("%s: Cache-Control: got %q, want no-store", r, got)
	}
	const most = 256 << 10 // twice the limit of request bodies, so that small requests cannot cause large responses
	if len(r.body) > most {
		t.Errorf("%s: got a problem of %d bytes, want at most %d", r, len(r.body), most)
	}
	var p client.Problem
	decoder := json.NewDecoder(bytes.NewReader(r.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		t.Errorf("%s: %v in %.200s", r, err, r.body)
		return
	}
	if p.Type != "about:blank" || p.Title != http.StatusText(r.status) || int(p.Status) != r.status || p.Detail == "" ||
		p.Code == "" || p.RequestID != r.header.Get("X-Request-Id") || !bytes.Contains(r.body, []byte(`"instance":`)) {
		t.Errorf("got %s, want every member of a problem", r.body)
		return
	}
	if u, err := url.Parse(p.Instance); err != nil || u.Host != "" ||
		strings.ContainsFunc(p.Instance, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		t.Errorf("%s: instance: got %q, want a relative reference", r, p.Instance)
	}
}
