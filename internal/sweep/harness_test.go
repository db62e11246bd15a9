package sweep

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/outbox"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

const owner = "o"

var hello = []byte("hello, bucket")

// world is a bucket, the time in it, and the events that its receiver has received.
type world struct {
	*testing.T
	target   storetest.Target
	bucket   string
	store    *s3.Client // as its operator has it
	ahead    atomic.Int64
	mu       sync.Mutex
	received []outbox.Event
	by       map[string][]string    // the receivers, by event
	refuses  func(url string) error // nil: the receiver takes everything
}

func newWorld(t *testing.T) *world {
	t.Helper()
	target := storetest.OpenNew(t)
	return &world{T: t, target: target, bucket: target.Bucket, store: target.Client()}
}

// now returns the time of all servers.
func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

func (w *world) pass(d time.Duration) { w.ahead.Add(int64(d)) }

func (w *world) send(_ context.Context, url, id string, _ time.Time, body []byte) error {
	var e outbox.Event
	if err := json.Unmarshal(body, &e); err != nil || e.ID != id {
		w.Errorf("sent %s as %s: %v", body, id, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.received = append(w.received, e)
	if w.by == nil {
		w.by = map[string][]string{}
	}
	w.by[id] = append(w.by[id], url)
	if w.refuses != nil {
		return w.refuses(url)
	}
	return nil
}

// ends returns the distinct ids of the received events, by their types.
func (w *world) ends() map[string][]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	ends := map[string][]string{}
	for _, e := range w.received {
		if !slices.Contains(ends[e.Type], e.ID) {
			ends[e.Type] = append(ends[e.Type], e.ID)
		}
	}
	return ends
}

// expect checks that these events were received, each under one id, and that the outbox is empty.
func (w *world) expect(types ...string) {
	w.Helper()
	ends := w.ends()
	var got []string
	for _, kind := range slices.Sorted(maps.Keys(ends)) {
		for range ends[kind] {
			got = append(got, strings.TrimPrefix(kind, "import."))
		}
	}
	slices.Sort(types)
	if !slices.Equal(got, types) {
		w.Errorf("received: got %v (%v), want %v", got, ends, types)
	}
	if left := w.keys("outbox/"); len(left) > 0 {
		w.Errorf("outbox: %v are left, want nothing", left)
	}
}

func (w *world) keys(prefix string) (keys []string) {
	w.Helper()
	out, err := w.store.ListObjectsV2(
		context.WithoutCancel(w.Context()),
		&s3.ListObjectsV2Input{Bucket: &w.bucket, Prefix: &prefix},
	)
	if err != nil {
		w.Fatal(err)
	}
	for _, o := range out.Contents {
		keys = append(keys, *o.Key)
	}
	return keys
}

// records returns the recorded imports of owner, without reconciling them.
func (w *world) records(owner string) (jobs []imports.Job) {
	w.Helper()
	for _, key := range w.keys("jobs/" + owner + "/") {
		out, err := w.store.GetObject(w.Context(), &s3.GetObjectInput{Bucket: &w.bucket, Key: &key})
		if err != nil {
			w.Fatal(err)
		}
		var job imports.Job
		err = json.NewDecoder(out.Body).Decode(&job)
		out.Body.Close()
		if err != nil {
			w.Fatalf("%s: %v", key, err)
		}
		jobs = append(jobs, job)
	}
	return jobs
}

func (w *world) put(key string, content []byte) {
	w.Helper()
	if _, err := w.store.PutObject(w.Context(), &s3.PutObjectInput{Bucket: &w.bucket, Key: &key,
		Body: bytes.NewReader(content)}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) part(j imports.Job, n int32, content []byte) {
	w.Helper()
	if _, err := w.store.UploadPart(w.Context(), &s3.UploadPartInput{
		Bucket: &w.bucket, Key: aws.String(j.Key()), UploadId: &j.Parts.UploadID, PartNumber: &n,
		Body: bytes.NewReader(content),
	}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) uploads() int {
	w.Helper()
	out, err := w.store.ListMultipartUploads(w.Context(), &s3.ListMultipartUploadsInput{Bucket: &w.bucket})
	if err != nil {
		w.Fatal(err)
	}
	return len(out.Uploads)
}

// server is one of the servers that share the bucket.
type server struct {
	*imports.Service
	box *outbox.Outbox
	*Sweeper
	wire *wire
}

// server returns a new server whose requests pass through line, or directly if line is nil.
func (w *world) server(line *wire) *server {
	w.Helper()
	if line == nil {
		line = &wire{}
	}
	cfg := w.target.AWS.Copy()
	cfg.HTTPClient = &http.Client{Transport: line}
	b, err := bucket.Open(
		w.Context(),
		bucket.Options{Name: w.bucket, AWS: cfg, PathStyle: w.target.PathStyle, Hooks: bucket.Hooks{OnCall: line.called}},
	)
	if err != nil {
		w.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	s := &imports.Service{
		Bucket: b,
		Limits: imports.Limits{URLTTL: time.Hour, JobTTL: 24 * time.Hour, WebhookHosts: []string{"own.test"}},
		Now:    w.now,
	}
	box := &outbox.Outbox{Bucket: b, Confirm: s.Confirm, Webhook: receiver, Send: w.send, Now: w.now, Log: log}
	s.Publish = box.Publish
	return &server{
		s,
		box,
		&Sweeper{Bucket: b, Imports: s, Outbox: box, Holder: uuid.NewString(), Now: w.now, Log: log},
		line,
	}
}

// create creates an import.
func (w *world) create(r imports.Request) imports.Job {
	w.Helper()
	j, err := w.server(nil).Create(w.Context(), owner, r, "")
	if err != nil {
		w.Fatal(err)
	}
	return j
}

// begun returns a multipart import with one uploaded part.
func (w *world) begun() imports.Job {
	w.Helper()
	size := int64(len(hello))
	j := w.create(imports.Request{Mode: imports.Multipart, Size: &size})
	w.part(j, 1, hello)
	return j
}

// arrived returns an import in one request with its object.
func (w *world) arrived() imports.Job {
	w.Helper()
	j := w.create(imports.Request{})
	w.put(j.Key(), hello)
	return j
}

// sweptBy sweeps several times with a server, with more time in between than a lease has.
func (w *world) sweptBy(s *server) {
	w.Helper()
	for range 3 {
		if _, err := s.RunOnce(w.Context()); err != nil {
			w.Errorf("sweep: %v", err)
		}
		w.pass(3 * time.Minute)
	}
}

// arrivedForTwo returns the same as arrived, for an import with a webhook of its own.
func (w *world) arrivedForTwo() imports.Job {
	w.Helper()
	j := w.create(imports.Request{Webhook: ownReceiver})
	w.put(j.Key(), hello)
	return j
}

const (
	receiver    = "https://receiver.test/"
	ownReceiver = "https://own.test/"
)

// expectReceivers checks that each of these receivers has each event.
func (w *world) expectReceivers(urls ...string) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, by := range w.by {
		for _, url := range urls {
			if !slices.Contains(by, url) {
				w.Errorf("event %s reached %v, want %s among them", id, by, url)
			}
		}
	}
}

// wire is the connection of one server to the store. A test records, cuts or delays requests.
type wire struct {
	on func(n int, kind string) fault // of the nth request, counted from 1; nil, or returning nil: no fault

	mu    sync.Mutex
	sent  int
	calls map[string]int // by operation and prefix, retries not counted
}

type fault func(r *http.Request, next http.RoundTripper) (*http.Response, error)

var roads = &http.Transport{MaxIdleConnsPerHost: 64}

func (l *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	l.sent++
	n := l.sent
	l.mu.Unlock()
	if l.on != nil {
		path := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 3)
		kind := r.Method + " "
		if len(path) > 1 {
			kind += path[1]
		}
		if f := l.on(n, kind); f != nil {
			return f(r, roads)
		}
	}
	return roads.RoundTrip(r)
}

func (l *wire) called(operation, _ string, _ time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls == nil {
		l.calls = map[string]int{}
	}
	l.calls[operation]++
}

// taken returns the calls since the last call of taken, sorted by name.
func (l *wire) taken() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	for _, operation := range slices.Sorted(maps.Keys(l.calls)) {
		all = append(all, fmt.Sprintf("%s %d", operation, l.calls[operation]))
	}
	l.calls = nil
	return strings.Join(all, ", ")
}

// dead fails all requests of a server that was killed.
func dead(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
	if r.Body != nil {
		r.Body.Close()
	}
	return nil, &aws.RequestCanceledError{Err: errors.New("killed")}
}

// unanswered sends a request to the store and fails, as if the server were killed before the response.
func unanswered(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	response, err := next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	io.Copy(io.Discard, response.Body)
	response.Body.Close()
	return nil, &aws.RequestCanceledError{Err: errors.New("killed")}
}

// diesAt returns the wire of a server that is killed at its nth request: after the store has received it if received,
// and before otherwise.
func diesAt(n int, received bool) *wire {
	return &wire{on: func(seq int, _ string) fault {
		switch {
		case seq == n && received:
			return unanswered
		case seq >= n:
			return dead
		}
		return nil
	}}
}

// deliver delivers what s has published, and stops s.
func (w *world) deliver(s *server) error {
	before := len(w.ends())
	ctx, stop := context.WithCancel(w.Context())
	ended := make(chan struct{})
	go func() { s.box.Run(ctx); close(ended) }()
	for until := time.Now().Add(30 * time.Second); len(w.ends()) == before; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			w.Fatal("nothing was sent")
		}
	}
	stop()
	<-ended
	return nil
}

// jobAt returns the untracked import whose upload URL has that host and path.
func (w *world) jobAt(address string) imports.Job {
	_, id, _ := strings.Cut(address, "/imports/"+owner+"/")
	return imports.Job{ID: id, Owner: owner}
}
