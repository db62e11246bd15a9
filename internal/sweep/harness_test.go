package sweep

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/outbox"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
	"github.com/signpost-s3/signpost/internal/testing/world"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

const owner = world.Owner

// receiver is the URL of the webhook of the service.
const receiver = "https://receiver.test/"

// cluster is a world whose servers deliver events and sweep.
type cluster struct{ *world.World }

func newCluster(t *testing.T) *cluster { return &cluster{world.New(t)} }

// server is one of the servers that share the bucket.
type server struct {
	*imports.Service
	box *outbox.Outbox
	*Sweeper
	wire *world.Wire
}

// server returns a new server whose requests go through wire, which may be nil. Sweeps deliver its events.
func (w *cluster) server(wire *world.Wire) *server {
	w.Helper()
	return w.newServer(wire, false)
}

// newServer is server for a server that may deliver its events immediately.
func (w *cluster) newServer(wire *world.Wire, immediately bool) *server {
	w.Helper()
	if wire == nil {
		wire = &world.Wire{}
	}
	s, log := w.Service(wire), slog.New(slog.DiscardHandler)
	box := outbox.New(outbox.Options{
		Bucket: s.Bucket, Confirm: s.Confirm, Webhook: receiver, Send: w.Send,
		DeliverImmediately: immediately, Now: w.Now, Log: log,
	})
	s.Publish = box.Publish
	sweeper := &Sweeper{Bucket: s.Bucket, Imports: s, Outbox: box, Holder: uuid.NewString(), Now: w.Now, Log: log}
	return &server{s, box, sweeper, wire}
}

// sweep sweeps three times with s, with more time in between than a lease has.
func (w *cluster) sweep(s *server) {
	w.Helper()
	for range 3 {
		if _, err := s.RunOnce(w.Context()); err != nil {
			w.Errorf("sweep: %v", err)
		}
		w.Advance(3 * time.Minute)
	}
}

// expect checks that events of these types were delivered, each under one ID, and that the outbox is empty.
func (w *cluster) expect(types ...string) {
	w.Helper()
	events := w.Events()
	var got []string
	for _, kind := range slices.Sorted(maps.Keys(events)) {
		for range events[kind] {
			got = append(got, strings.TrimPrefix(kind, "import."))
		}
	}
	slices.Sort(types)
	if !slices.Equal(got, types) {
		w.Errorf("delivered: got %v (%v), want %v", got, events, types)
	}
	if left := w.Keys("outbox/"); len(left) > 0 {
		w.Errorf("outbox: got %v, want it empty", left)
	}
}

// expectReceivers checks that each event was delivered to each of these URLs.
func (w *cluster) expectReceivers(urls ...string) {
	w.Helper()
	byEvent := map[string][]string{}
	for _, d := range w.Deliveries() {
		byEvent[d.EventID] = append(byEvent[d.EventID], d.URL)
	}
	for id, got := range byEvent {
		for _, url := range urls {
			if !slices.Contains(got, url) {
				w.Errorf("event %s: delivered to %v, want also to %s", id, got, url)
			}
		}
	}
}

// status returns the status in the record of j.
func (w *cluster) status(j imports.Job) (got imports.Status) {
	w.Helper()
	for _, recorded := range w.records(owner) {
		if recorded.ID == j.ID {
			got = recorded.Status
		}
	}
	return got
}

// records returns the records of the imports of owner.
func (w *cluster) records(owner string) (jobs []imports.Job) {
	w.Helper()
	for _, key := range w.Keys("jobs/" + owner + "/") {
		var j imports.Job
		w.ReadJSON(key, &j)
		jobs = append(jobs, j)
	}
	return jobs
}

// read reads j with s, which completes or expires it if it is time.
func (w *cluster) read(s *server, j imports.Job) {
	w.Helper()
	if _, err := s.Read(w.Context(), owner, j.ID); err != nil {
		w.Fatal(err)
	}
}

// lease returns the content of the lease object.
func (w *cluster) lease() (st state) {
	w.Helper()
	w.ReadJSON(leaseKey, &st)
	return st
}

// untrackedJob returns the untracked import with that upload URL.
func untrackedJob(url string) imports.Job {
	path, _, _ := strings.Cut(url, "?")
	_, id, _ := strings.Cut(path, "/imports/"+owner+"/")
	return imports.Job{ID: id, Owner: owner}
}

// tryAcquire reports whether s acquires or renews the lease.
func (s *Sweeper) tryAcquire(ctx context.Context) (bool, error) {
	_, err := s.acquire(ctx)
	if errors.Is(err, ErrLeased) {
		return false, nil
	}
	return err == nil, err
}

// sweepDue sweeps if s has the lease and a sweep is due.
func sweepDue(s *server) error {
	st, err := s.acquire(context.Background())
	if err != nil {
		return err
	}
	return s.sweepDue(context.Background(), st)
}

// run starts f. Stop cancels its context and waits for its end.
func run(ctx context.Context, f func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { f(ctx); close(ended) }()
	return func() { cancel(); <-ended }
}
