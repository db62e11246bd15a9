package server_test

import (
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
	"github.com/signpost-s3/signpost/internal/testing/logtest"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// limit bounds every wait of a test. Responses take milliseconds; the rest allows for a busy machine.
const limit = 30 * time.Second

// allowedOrigin is the CORS origin of a service that requires keys.
const allowedOrigin = "https://app.example.com"

// service is the service as it runs in production, with its own port and bucket.
type service struct {
	address string
	// authenticated: requests need a key, and allowedOrigin may send cross-origin requests.
	authenticated bool
	log           *logtest.Buffer
	stop          func() // waits until it has stopped

	key      string // of the caller; a service without authentication ignores it
	readKey  string // with the scope to read only
	otherKey string // of another owner

	mu         sync.Mutex
	responses  []loggedRequest
	unanswered int // requests that were accepted but got no response
	issued     int // counter of unique request ids
}

// loggedRequest is a request that must have exactly one line in the access log.
type loggedRequest struct {
	id     string
	status int
}

// start runs a service on a loopback address without authentication.
func start(t *testing.T) *service {
	t.Helper()
	return startAs(t, config.Config{}, &service{key: "signpost_" + strings.Repeat("A", 43)})
}

// startWithKeys runs a service that requires API keys and allows cross-origin requests from allowedOrigin.
func startWithKeys(t *testing.T) *service {
	t.Helper()
	s, file := withKeys(t)
	return startAs(t, config.Config{APIKeysFile: file, CORSOrigins: []string{allowedOrigin}}, s)
}

// withKeys returns a service that requires API keys, before it runs, and the file of its keys.
func withKeys(t *testing.T) (s *service, file string) {
	t.Helper()
	s = &service{authenticated: true}
	file = filepath.Join(t.TempDir(), "keys")
	for name, key := range map[string]*string{"alice": &s.key, "bob": &s.otherKey, "reader": &s.readKey} {
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
	return s, file
}

func startAs(t *testing.T, c config.Config, s *service) *service {
	t.Helper()
	target := storetest.Open(t)
	c.Listen, c.MaxConnections = "127.0.0.1:0", cmp.Or(c.MaxConnections, 4096)
	c.Bucket, c.PathStyle = target.Bucket, target.PathStyle
	c.URLTTL, c.JobTTL, c.Downloads, c.LongPolling = time.Hour, 168*time.Hour, new(true), true
	s.log = &logtest.Buffer{}
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
	s.stop = sync.OnceFunc(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
	s.address = listener.Addr().String()
	return s
}

// either returns the value for a service without authentication, or for one with it.
func (s *service) either(anonymous, authenticated string) string {
	if s.authenticated {
		return authenticated
	}
	return anonymous
}

// fresh returns an unused request id.
func (s *service) fresh() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued++
	return fmt.Sprintf("fresh-%d", s.issued)
}

// head returns a request line and header fields, with Host and key.
func (s *service) head(line string, fields ...string) string {
	return bare(line+" HTTP/1.1", append([]string{"Host: " + s.address, "X-Api-Key: " + s.key}, fields...)...)
}

func (s *service) get(target string, fields ...string) string {
	return s.head("GET "+target, fields...)
}

// post returns a POST /import with this body as it is. The fields frame the body.
func (s *service) post(body string, fields ...string) string {
	return s.head("POST /import", append([]string{"Content-Type: application/json"}, fields...)...) + body
}

// json returns a POST /import with the length of its body.
func (s *service) json(body string, fields ...string) string {
	return s.post(body, append([]string{length(body)}, fields...)...)
}

func length(body string) string { return fmt.Sprintf("Content-Length: %d", len(body)) }

const chunked = "Transfer-Encoding: chunked"

// bare returns a request line and header fields without additions.
func bare(line string, fields ...string) string {
	return strings.Join(append([]string{line}, fields...), "\r\n") + "\r\n\r\n"
}

// dial opens a connection and closes it when the test ends.
func (s *service) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", s.address, limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
