package outbox

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/world"
)

const (
	slow = "https://slow.test/hook"
	fast = "https://fast.test/hook"
)

// publish publishes the event of a completed import of owner with that webhook.
func (w *cluster) publish(s *server, owner, hook string) (eventID string) {
	w.Helper()
	j := imports.Job{
		ID:      uuid.NewString(),
		Owner:   owner,
		Status:  imports.Completed,
		Webhook: hook,
		Object:  &imports.Object{ETag: `"e"`},
	}
	id, recorded, err := s.box.Publish(w.Context(), j)
	if err != nil {
		w.Fatal(err)
	}
	recorded()
	return id
}

// blocked is a network in which the host slow.test does not answer until it is released.
type blocked struct {
	released chan struct{}
	calls    chan string // to slow.test, as they begin
	mu       sync.Mutex
	sent     map[string]int // by host and event, what was accepted
	arrived  chan string    // the same, as it happens
}

func newBlocked() *blocked {
	return &blocked{
		released: make(chan struct{}),
		calls:    make(chan string, 999),
		sent:     map[string]int{},
		arrived:  make(chan string, 999),
	}
}

func (b *blocked) send(ctx context.Context, url, id string, _ time.Time, _ []byte) error {
	if url == slow {
		b.calls <- id
		select {
		case <-b.released:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	what := fmt.Sprintf("%s %s", url, id)
	b.mu.Lock()
	b.sent[what]++
	b.mu.Unlock()
	b.arrived <- what
	return nil
}

// await returns once each of these deliveries was accepted.
func (b *blocked) await(t *testing.T, wanted ...string) {
	t.Helper()
	for timeout := time.After(limit); len(wanted) > 0; {
		select {
		case what := <-b.arrived:
			wanted = slices.DeleteFunc(wanted, func(w string) bool { return w == what })
		case <-timeout:
			t.Fatalf("%d deliveries wait for a receiver that does not answer, among them %s", len(wanted), wanted[0])
		}
	}
}

// TestBlockedReceiver: an owner has many more events for a receiver that does not answer than may be in progress. They
// delay no other receiver, not the webhook of the service, and not the events of other owners for the same receiver.
func TestBlockedReceiver(t *testing.T) {
	const attack = 150
	for _, by := range []string{"publisher", "sweep"} {
		t.Run(by, func(t *testing.T) {
			w, b := newCluster(t), newBlocked()
			s := w.server(b.send)
			if by == "publisher" {
				s.box.DeliverImmediately = true
			} else {
				s.box.Webhook = "" // the few deliveries of a function are the attacker's
			}
			release := sync.OnceFunc(func() { close(b.released) })
			defer release()
			all := map[string]int{}
			publish := func(owner, hook string) (wanted []string) {
				id := w.publish(s, owner, hook)
				wanted = []string{hook + " " + id}
				if s.box.Webhook != "" {
					wanted = append(wanted, s.box.Webhook+" "+id)
				}
				for _, what := range wanted {
					all[what] = 1
				}
				return wanted
			}
			var wanted []string
			for range attack {
				wanted = append(wanted, publish("attacker", slow)[1:]...)
			}
			wanted = append(wanted, publish("attacker", fast)...)
			wanted = append(wanted, publish("victim", fast)...)
			victim := publish("victim", slow)
			wanted = append(wanted, victim[1:]...)
			if by == "sweep" {
				if _, err := s.box.QueueDue(t.Context(), 20); err != nil {
					t.Fatal(err)
				}
			}
			b.await(t, wanted...)

			for id := ""; !strings.HasSuffix(victim[0], id) || id == ""; {
				select {
				case id = <-b.calls:
				case <-time.After(limit):
					t.Fatal("the victim's event for the blocked receiver waits for the attacker's")
				}
			}
			release()
			for len(w.Keys(pendingPrefix)) > 0 {
				s.box.Wait()
				if by == "sweep" {
					w.deliverDue(s)
				}
			}
			if !maps.Equal(b.sent, all) {
				t.Errorf("accepted %d deliveries, want each of %d once", len(b.sent), len(all))
			}
		})
	}
}

// TestKilledAtBlockedReceiver: a server is killed while a receiver does not answer. Another server repeats that
// delivery only.
func TestKilledAtBlockedReceiver(t *testing.T) { world.FakeTime(t, testKilledAtBlockedReceiver) }

func testKilledAtBlockedReceiver(t *testing.T) {
	w, b := newCluster(t), newBlocked()
	s := w.immediateServer(b.send)
	id := w.publish(s, "a", slow)
	b.await(t, s.box.Webhook+" "+id)
	<-b.calls
	s.stop(t)
	close(b.released)
	w.Advance(leaseDuration + time.Second)
	w.deliverDue(w.server(b.send))
	want := map[string]int{s.box.Webhook + " " + id: 1, slow + " " + id: 1}
	if left := w.Keys(pendingPrefix); !maps.Equal(b.sent, want) || len(left) > 0 {
		t.Errorf("sent %v, left %v, want %v and nothing", b.sent, left, want)
	}
}
