package outbox

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
	"github.com/signpost-s3/signpost/internal/testing/world"
	"github.com/signpost-s3/signpost/internal/webhook"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// limit is the longest wait of a test. A busy machine may need much longer than the usual milliseconds.
const limit = 30 * time.Second

const owner = world.Owner

// cluster is a world whose servers deliver events.
type cluster struct{ *world.World }

func newCluster(t *testing.T) *cluster { return &cluster{world.New(t)} }

// server is one of the servers that share the bucket.
type server struct {
	*imports.Service
	box *Outbox
}

type sendFunc func(ctx context.Context, url, id string, at time.Time, body []byte) error

// server returns a server whose service has a webhook. Sweeps deliver its events.
func (w *cluster) server(send sendFunc) *server {
	w.Helper()
	s := w.Service(nil)
	box := New(Options{
		Bucket: s.Bucket, Confirm: s.Confirm, Webhook: "https://all.test/?token=secret", Send: send,
		Now: w.Now, Log: slog.New(slog.DiscardHandler),
	})
	s.Publish = box.Publish
	return &server{s, box}
}

// complete completes an import with that webhook, which publishes its event.
func (w *cluster) complete(s *server, webhook string) imports.Job {
	w.Helper()
	return w.completeFor(s, owner, webhook)
}

func (w *cluster) completeFor(s *server, owner, webhook string) imports.Job {
	w.Helper()
	j, err := s.Create(w.Context(), owner, imports.Request{Webhook: webhook}, "")
	if err != nil {
		w.Fatal(err)
	}
	w.Put(j.Key(), world.Content)
	if j, err = s.Read(w.Context(), owner, j.ID); err != nil || j.Status != imports.Completed {
		w.Fatalf("read: got %s, %v, want completed", j.Status, err)
	}
	return j
}

// immediateServer returns a server that delivers its events.
func (w *cluster) immediateServer(send sendFunc) *server {
	w.Helper()
	s := w.server(send)
	s.box.DeliverImmediately = true
	return s
}

// stop stops s as a process does.
func (s *server) stop(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s.box.Run(ended)
}

// deliverDue delivers the due events with s.
func (w *cluster) deliverDue(s *server) {
	w.Helper()
	if _, err := s.box.QueueDue(w.Context(), 1000); err != nil {
		w.Errorf("QueueDue: %v", err)
	}
	s.box.Wait()
}

// only returns the one entry of the outbox.
func (w *cluster) only() (key string, e entry) {
	w.Helper()
	keys := w.Keys(pendingPrefix)
	if len(keys) != 1 {
		w.Fatalf("outbox: got %v, want one entry", keys)
	}
	w.ReadJSON(keys[0], &e)
	return keys[0], e
}

// receiver is a server on this machine that records the events that it receives.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	ids      []string // webhook-id
	received []Event
}

func newReceiver(t *testing.T, answer http.HandlerFunc) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		var e Event
		if err := json.NewDecoder(request.Body).Decode(&e); err != nil {
			t.Errorf("received: %v", err)
		}
		r.mu.Lock()
		r.ids, r.received = append(r.ids, request.Header.Get("webhook-id")), append(r.received, e)
		r.mu.Unlock()
		answer(w, request)
	}))
	t.Cleanup(r.Close)
	return r
}

// events returns the ids of the received events, which the header must repeat.
func (r *receiver) events(t *testing.T) (ids []string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, e := range r.received {
		if r.ids[i] != e.ID {
			t.Errorf("received: webhook-id %s, id %s, want the same", r.ids[i], e.ID)
		}
		ids = append(ids, e.ID)
	}
	return ids
}

func ok(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

// sender returns a function that may call this machine.
func sender(t *testing.T) sendFunc {
	t.Helper()
	_, loopback, err := net.ParseCIDR("127.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	key, err := webhook.ParseKey(webhook.NewSecret())
	if err != nil {
		t.Fatal(err)
	}
	return webhook.New(webhook.Options{
		Keys:     func(context.Context, string) ([]webhook.Key, error) { return []webhook.Key{key}, nil },
		Networks: func(string) []*net.IPNet { return []*net.IPNet{loopback} },
	}).Send
}
