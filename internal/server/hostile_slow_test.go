package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	static "github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/signpost-s3/signpost/internal/assembly"

	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/httpapi"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/server"
	"github.com/signpost-s3/signpost/internal/testing/logtest"
)

// slow are slow clients. The service allows 10 s for a header, 30 s for a whole request, and a pause of 5 s in a body
// that it discards.
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
	{"a body of 10 GB", func(s *service) string { return s.post("{}", "Content-Length: 10000000000") }, "",
		"413 body-too-large, closed", 5 * time.Second},
	{"the largest body there is", func(s *service) string {
		return s.post("{}", "Content-Length: 9223372036854775807")
	}, "", "413 body-too-large, closed", 5 * time.Second},
	{"a body that is too large", func(s *service) string { return s.post("", "Content-Length: 200000") }, "",
		"413 body-too-large, closed", 30 * time.Second},
}

// TestSlowClients: the service ends the connections of slow clients in time. Connections are in memory, in fake time.
func TestSlowClients(t *testing.T) {
	for _, authenticated := range []bool{false, true} {
		for _, c := range slow {
			t.Run(fmt.Sprintf("%s, with keys %t", c.name, authenticated), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s, conn, stop := startPiped(t, authenticated)
					defer stop()
					began := time.Now()
					got := drip(conn, c.sent(s), c.drip)
					took := time.Since(began)
					s.verify(t, row{sent: c.sent(s), want: c.want}, got)
					if took < c.after || took > c.after+2*time.Second { // a client notices by the next byte that it sends
						t.Errorf("the connection ended after %v, want %v", took, c.after)
					}
					s.checkLog(t)
				})
			})
		}
	}
}

// startPiped runs the API without a store, and returns a connection in memory.
func startPiped(t *testing.T, authenticated bool) (s *service, conn net.Conn, stop func()) {
	t.Helper()
	s = &service{key: "none"}
	var authenticate auth.Authenticator
	if authenticated {
		var file string
		s, file = withKeys(t)
		keys, err := auth.OpenKeys(file, "")
		if err != nil {
			t.Fatal(err)
		}
		authenticate = auth.New(keys, nil, false)
	}
	s.address, s.log = "127.0.0.1:8080", &logtest.Buffer{}
	store, err := bucket.Open(t.Context(), bucket.Options{Name: "data", AWS: aws.Config{
		Region: "eu-west-1", Credentials: static.NewStaticCredentialsProvider("key", "secret", ""),
	}})
	if err != nil {
		t.Fatal(err)
	}
	log := assembly.NewLogger(s.log)
	process := &server.Server{Log: log, Handler: httpapi.New(httpapi.Options{
		Service:      &imports.Service{Bucket: store, Limits: imports.Limits{URLTTL: time.Hour}, Now: time.Now},
		Authenticate: authenticate, LocalOnly: !authenticated, Log: log,
	})}
	listener := make(server.Pipes)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- process.Serve(ctx, listener) }()
	client, accepted := net.Pipe()
	listener <- fromLoopback{accepted}
	return s, client, func() {
		client.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// fromLoopback is a connection with a remote address.
type fromLoopback struct{ net.Conn }

func (fromLoopback) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// drip sends text, and then more every half second unless it is empty. It returns all responses until the connection
// ends.
func drip(conn net.Conn, text, more string) (c conversation) {
	conn.SetDeadline(time.Now().Add(time.Hour))
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
