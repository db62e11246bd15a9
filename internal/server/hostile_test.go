package server_test

import (
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"
)

// row is the bytes that a client sends and the expected responses: in order, separated by commas, such as
// "200, 404 not-found". "closed" follows if the service closes the connection, and "closing" if the last response has
// Connection: close while the service still discards the body. Otherwise the next request gets its response.
//
// A response of the service is its status and the code of its problem document; a response to HEAD has no code. A
// response of net/http itself is "plain" with a body and "bare" without.
type row struct {
	name string
	sent string
	want string
	also func(*testing.T, []reply) // further checks; may be nil
	fin  bool                      // the client closes its side of the connection
}

// subjects are all rows. Each is sent to a service without authentication and to one that requires keys.
var subjects = []struct {
	name string
	rows func(*service) []row
}{
	{"lengths", lengths},
	{"codings", codings},
	{"chunks", chunks},
	{"hidden requests", hiddenRequests},
	{"header", header},
	{"request ids", requestIDs},
	{"idempotency keys", idempotencyKeys},
	{"traces", traces},
	{"hosts", hosts},
	{"proxy headers", proxyHeaders},
	{"sizes", sizes},
	{"paths", paths},
	{"ids", ids},
	{"queries", queries},
	{"methods", methods},
	{"versions", versions},
	{"other protocols", otherProtocols},
	{"JSON", jsonBodies},
	{"media types", mediaTypes},
	{"bodies", bodies},
	{"expectations", expectations},
	{"origins", origins},
	{"credentials", credentials},
	{"documents", documents},
	{"connections", connections},
}

// TestHostile: each request, however malformed, gets exactly one response or a closed connection, and the service
// continues to serve.
func TestHostile(t *testing.T) {
	services := []*service{start(t)}
	if !testing.Short() {
		services = append(services, startWithKeys(t))
	}
	rows := make([]int, len(services))
	var both sync.WaitGroup
	for i, s := range services {
		both.Go(func() {
			t.Run(s.either("anonymous", "with keys"), func(t *testing.T) { rows[i] = s.runAll(t) })
		})
	}
	both.Wait()
	if rows[0] < 200 {
		t.Errorf("got %d rows, want at least 200", rows[0])
	}
}

// runAll sends all rows and returns their number. They run in parallel, because most of the time passes in waiting.
func (s *service) runAll(t *testing.T) int {
	var all errgroup.Group
	all.SetLimit(32)
	names := map[string]bool{}
	for _, subject := range subjects {
		for _, r := range subject.rows(s) {
			name := subject.name + "/" + r.name
			if names[name] {
				t.Errorf("two rows have the name %s", name)
			}
			names[name] = true
			all.Go(func() error {
				t.Run(name, func(t *testing.T) { s.run(t, r) })
				return nil
			})
		}
	}
	all.Wait()
	t.Run("piecemeal", s.piecemeal)
	t.Run("reset", s.reset)
	t.Run("idle", s.idle)
	s.checkLog(t)
	return len(names)
}

// run sends a row, checks the responses, and checks that the service still serves.
func (s *service) run(t *testing.T, r row) {
	t.Helper()
	got := s.send(r.sent, r.want, r.fin)
	s.verify(t, r, got)
	if after := s.send(s.head("POST /import", "Content-Length: 0"), "200", false); after.String() != "200" {
		t.Errorf("a valid request afterwards: got %s, want 200", after)
	} else {
		s.record(after)
	}
}

// verify checks the responses to a row.
func (s *service) verify(t *testing.T, r row, got conversation) {
	t.Helper()
	s.record(got)
	for _, reply := range got.replies {
		reply.check(t)
	}
	if got.String() != r.want {
		t.Errorf("got %s, want %s\nsent %s", got, r.want, abbreviated(r.sent))
		return
	}
	if r.also != nil {
		r.also(t, got.replies)
	}
}

// abbreviated returns the beginning of a request for a failure message.
func abbreviated(sent string) string {
	const most = 400
	if len(sent) > most {
		sent = sent[:most] + "…"
	}
	return strings.ReplaceAll(sent, "\r\n", "␍␊")
}
