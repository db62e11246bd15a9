package outbox

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
	"github.com/signpost-s3/signpost/internal/webhook"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// limit is the longest wait of a test. A busy machine may need much longer than the usual milliseconds.
const limit = 30 * time.Second

const owner = "o"

// world is a bucket and the time in it.
type world struct {
	*testing.T
	target storetest.Target
	bucket string
	store  *s3.Client // as its operator has it
	ahead  atomic.Int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	target := storetest.OpenNew(t)
	return &world{T: t, target: target, bucket: target.Bucket, store: target.Client()}
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

func (w *world) pass(d time.Duration) { w.ahead.Add(int64(d)) }

// server is one of the servers that share the bucket.
type server struct {
	*imports.Service
	box *Outbox
}

type sendFunc func(ctx context.Context, url, id string, at time.Time, body []byte) error

// server returns a server whose service has a webhook.
func (w *world) server(send sendFunc) *server {
	w.Helper()
	b, err := bucket.Open(w.Context(), bucket.Options{Name: w.bucket, AWS: w.target.AWS, PathStyle: w.target.PathStyle})
	if err != nil {
		w.Fatal(err)
	}
	s := &imports.Service{
		Bucket: b,
		Limits: imports.Limits{URLTTL: time.Hour, JobTTL: 24 * time.Hour, WebhookHosts: []string{"own.test"}},
		Now:    w.now,
	}
	box := &Outbox{
		Bucket:  b,
		Confirm: s.Confirm,
		Webhook: "https://all.test/?token=secret",
		Send:    send,
		Now:     w.now,
		Log:     slog.New(slog.DiscardHandler),
	}
	s.Publish = box.Publish
	return &server{s, box}
}

func (w *world) put(key string, content string) {
	w.Helper()
	if _, err := w.store.PutObject(w.Context(), &s3.PutObjectInput{Bucket: &w.bucket, Key: &key,
		Body: strings.NewReader(content)}); err != nil {
		w.Fatal(err)
	}
}

// ended completes an import with that webhook, which publishes its event.
func (w *world) ended(s *server, own string) imports.Job {
	w.Helper()
	j, err := s.Create(w.Context(), owner, imports.Request{Webhook: own}, "")
	if err != nil {
		w.Fatal(err)
	}
	w.put(j.Key(), "hello")
	if j, err = s.Read(w.Context(), owner, j.ID); err != nil || j.Status != imports.Completed {
		w.Fatalf("read: got %s, %v, want completed", j.Status, err)
	}
	return j
}

// passBy delivers the due events with s.
func (w *world) passBy(s *server) {
	w.Helper()
	if _, err := s.box.QueueDue(w.Context(), 1000); err != nil {
		w.Errorf("pass: %v", err)
	}
	s.box.Wait()
}

func (w *world) keys(prefix string) (keys []string) {
	w.Helper()
	out, err := w.store.ListObjectsV2(w.Context(), &s3.ListObjectsV2Input{Bucket: &w.bucket, Prefix: &prefix})
	if err != nil {
		w.Fatal(err)
	}
	for _, o := range out.Contents {
		keys = append(keys, *o.Key)
	}
	return keys
}

// only returns the one entry of the outbox.
func (w *world) only() (key string, e entry) {
	w.Helper()
	keys := w.keys(pendingPrefix)
	if len(keys) != 1 {
		w.Fatalf("outbox: got %v, want one entry", keys)
	}
	return keys[0], w.entry(keys[0])
}

func (w *world) entry(key string) (e entry) {
	w.Helper()
	out, err := w.store.GetObject(w.Context(), &s3.GetObjectInput{Bucket: &w.bucket, Key: &key})
	if err != nil {
		w.Fatal(err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err == nil {
		err = json.NewDecoder(bytes.NewReader(body)).Decode(&e)
	}
	if err != nil {
		w.Fatal(err)
	}
	return e
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
