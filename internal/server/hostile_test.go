package server_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// row is what a client may send, as it goes over the line, and what must come of it: the answers in order, divided by
// commas, such as "200, 404 not-found", then "closed" where the service ends the connection, or "closing" where it says
// so and waits for a body that nobody wants. Where it does neither, the next request is answered.
//
// An answer of ours is its status and, of a problem, its code; one to HEAD has no code. What net/http answers before we
// are asked is "plain", in words of its own, or "bare", without any.
type row struct {
	name string
	sent string
	want string
	also func(*testing.T, []reply) // what else must hold; may be nil
	fin  bool                      // the client sends nothing more, and says so
}

// subjects are all rows. Each is held to twice: by a service that asks nobody who they are, and by one that asks for
// keys.
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

// TestHostile: whatever anybody sends, each request gets one answer of its own or none, in our words, and the service
// goes on.
func TestHostile(t *testing.T) {
	collect := beginSlow(t)
	services := []*service{start(t), startGuarded(t)}
	rows := make([]int, len(services))
	var both sync.WaitGroup
	for i, s := range services {
		both.Go(func() {
			t.Run(s.by("asks nobody", "asks for keys"), func(t *testing.T) { rows[i] = s.holdAll(t) })
		})
	}
	both.Wait()
	rows[0] += collect(t)
	t.Logf("%d rows, of which %d for a service that asks nobody", rows[0]+rows[1], rows[0])
	if rows[0] < 200 {
		t.Errorf("got %d rows, want 200 at least", rows[0])
	}
}

// holdAll holds s to all rows but the slow ones, and counts them. Subjects go on at once: on a busy machine, most of
// the time passes in waiting for one's turn.
func (s *service) holdAll(t *testing.T) int {
	var all sync.WaitGroup
	var held atomic.Int64
	for _, subject := range subjects {
		all.Go(func() {
			t.Run(subject.name, func(t *testing.T) {
				names := map[string]bool{}
				for _, r := range subject.rows(s) {
					if names[r.name] {
						t.Errorf("two rows are called %s", r.name)
					}
					names[r.name] = true
					t.Run(r.name, func(t *testing.T) { s.hold(t, r) })
				}
				held.Add(int64(len(names)))
			})
		})
	}
	all.Wait()
	t.Run("piecemeal", s.piecemeal)
	t.Run("reset", s.reset)
	t.Run("idle", s.idle)
	s.checkLog(t)
	return int(held.Load())
}

// hold sends a row and looks at all that comes back, and whether the service still serves.
func (s *service) hold(t *testing.T, r row) {
	t.Helper()
	got := s.send(r.sent, r.want, r.fin)
	s.judge(t, r, got)
	if after := s.send(s.head("POST /import", "Content-Length: 0"), "200", false); after.String() != "200" {
		t.Errorf("a good request after it: got %s, want 200", after)
	} else {
		s.note(after)
	}
}

// judge holds what came back to a row.
func (s *service) judge(t *testing.T, r row, got conversation) {
	t.Helper()
	s.note(got)
	for _, reply := range got.replies {
		reply.check(t)
	}
	if got.String() != r.want {
		t.Errorf("got %s, want %s\nsent %s", got, r.want, shown(r.sent))
		return
	}
	if r.also != nil {
		r.also(t, got.replies)
	}
}

// shown is as much of what was sent as tells it from others.
func shown(sent string) string {
	const most = 400
	if len(sent) > most {
		sent = sent[:most] + "…"
	}
	return strings.ReplaceAll(sent, "\r\n", "␍␊")
}
