package server_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/assembly"
	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/server"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// limit is how long a test waits for anything. What it waits for takes milliseconds; a machine may be busy.
const limit = 30 * time.Second

// friend is the origin whose pages may call a guarded service.
const friend = "https://app.example.com"

// service is the service as it runs in production, on a port and a bucket of its own process.
type service struct {
	address string
	guarded bool // callers need a key, and pages of friend may call
	log     *lockedBuffer

	key    string // the caller's own; presented, and ignored, where nobody is asked
	reader string // may only read
	other  string // somebody else's

	mu      sync.Mutex
	answers []answered
	lost    int // requests that were taken but could not be answered
	asked   int // for ids that are used once
}

// answered is a request of which there must be one line in the log.
type answered struct {
	id     string
	status int
}

// start is a service of which only this machine knows, that asks nobody.
func start(t *testing.T) *service {
	t.Helper()
	return startAs(t, config.Config{}, &service{key: "signpost_" + strings.Repeat("A", 43)})
}

// startGuarded is a service that asks for keys and takes calls of pages.
func startGuarded(t *testing.T) *service {
	t.Helper()
	s := &service{guarded: true}
	file := filepath.Join(t.TempDir(), "keys")
	for name, key := range map[string]*string{"alice": &s.key, "bob": &s.other, "reader": &s.reader} {
		scope := auth.All
		if name == "reader" {
			scope = auth.Read
		}
		made, line, err := auth.NewKey(name, scope)
		if err == nil {
			err = auth.AppendKey(file, line)
		}
		if err != nil {
			t.Fatal(err)
		}
		*key = made
	}
	return startAs(t, config.Config{APIKeysFile: file, CORSOrigins: []string{friend}}, s)
}

func startAs(t *testing.T, c config.Config, s *service) *service {
	t.Helper()
	target := storetest.Open(t)
	c.Listen, c.MaxConnections = "127.0.0.1:0", cmp.Or(c.MaxConnections, 4096)
	c.Bucket, c.PathStyle = target.Bucket, target.PathStyle
	c.URLTTL, c.JobTTL, c.Downloads, c.LongPolling = time.Hour, 168*time.Hour, true, true
	s.log = &lockedBuffer{}
	log := assembly.NewLogger(s.log)
	listener, err := server.Listen(c, log)
	if err != nil {
		t.Fatal(err)
	}
	process, err := server.New(t.Context(), c, target.AWS, log, "test")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- process.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	s.address = listener.Addr().String()
	return s
}

// by is what a service answers that asks nobody, or one that is guarded.
func (s *service) by(unguarded, guarded string) string {
	if s.guarded {
		return guarded
	}
	return unguarded
}

// fresh is an id that no request had before.
func (s *service) fresh() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	return fmt.Sprintf("fresh-%d", s.asked)
}

// lockedBuffer is a log that a server writes while a test reads it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// head is a request line and header fields as they stand, with Host and key.
func (s *service) head(line string, fields ...string) string {
	return bare(line+" HTTP/1.1", append([]string{"Host: " + s.address, "X-Api-Key: " + s.key}, fields...)...)
}

func (s *service) get(target string, fields ...string) string {
	return s.head("GET "+target, fields...)
}

// post is a request for an import with a body as it stands, which fields frame.
func (s *service) post(body string, fields ...string) string {
	return s.head("POST /import", append([]string{"Content-Type: application/json"}, fields...)...) + body
}

// json is a well-framed request for an import.
func (s *service) json(body string, fields ...string) string {
	return s.post(body, append([]string{length(body)}, fields...)...)
}

func length(body string) string { return fmt.Sprintf("Content-Length: %d", len(body)) }

const chunked = "Transfer-Encoding: chunked"

// bare is a request line and header fields as they stand.
func bare(line string, fields ...string) string {
	return strings.Join(append([]string{line}, fields...), "\r\n") + "\r\n\r\n"
}

// dial opens a connection that is closed with the test.
func (s *service) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", s.address, limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
