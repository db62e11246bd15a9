// Package outbox delivers events about imports at least once to each receiver. Before the record of an import changes,
// Publish writes an entry for each receiver to the bucket. The entry is deleted when the receiver has accepted the
// event, so any server can deliver the events of a server that stopped. Receivers and owners do not delay each other:
// see queue.
package outbox

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/imports"
)

const (
	// attemptTimeout limits one delivery attempt. A webhook has 15 s.
	attemptTimeout = 20 * time.Second
	// saveTimeout is the most that recording the outcome of an attempt takes: a write of 5 s and a deletion of 20 s.
	saveTimeout = 25 * time.Second
	// recordTimeout is the time after an event was published in which its record may still be written. The write has 5 s.
	recordTimeout = 30 * time.Second
	// queueSize limits the published entries that are not in a lane yet. A sweep delivers the others when their leases
	// have expired.
	queueSize = 4096
	// drainTimeout is the time that deliveries in progress have when a server stops.
	drainTimeout = 5 * time.Second
)

// The kinds of receiver of an event.
const (
	toWebhook = "webhook" // the webhook of the service
	toBus     = "bus"
	toImport  = "import" // the import's own webhook
)

// Outbox stores and delivers events. It is safe for concurrent use.
type Outbox struct {
	Bucket *bucket.Bucket
	// Confirm is imports.Service.Confirm.
	Confirm func(context.Context, imports.Event, bool) (imports.Verdict, error)
	// Webhook is the URL that receives the events of all imports. It may be empty.
	Webhook string
	// Send posts an event to a URL. At is the time of the attempt.
	Send func(ctx context.Context, url, id string, at time.Time, body []byte) error
	// Allows reports whether the webhook of an import is still allowed. Nil allows all.
	Allows func(url string) bool
	// PutEvent puts an event on an event bus. Nil if there is none.
	PutEvent func(ctx context.Context, e Event) error
	Now      func() time.Time
	Log      *slog.Logger
	// OnAttempt receives the outcome of each delivery attempt: ok, failed or, after the last attempt, dead. To is webhook,
	// bus or import. OnAttempt may be nil.
	OnAttempt func(to, outcome string)

	schedule   schedule         // defaultSchedule, except in tests
	published  chan storedEntry // of this server and not in a lane yet; nil: sweeps deliver all events
	deliveries queue

	mu      sync.Mutex
	invalid map[string]struct{} // the keys of objects that are no entries: each is reported once
}

// schedule contains the times of delivery attempts.
type schedule struct {
	lease  time.Duration   // the time in which no other server takes an entry
	delays []time.Duration // between attempts; the last one repeats
}

var defaultSchedule = schedule{2 * time.Minute, []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour,
}}

func (o *Outbox) effectiveSchedule() schedule {
	if o.schedule.lease == 0 {
		return defaultSchedule
	}
	return o.schedule
}

// DeliverImmediately makes Run deliver the events that o publishes. It must be called before Publish and Run.
func (o *Outbox) DeliverImmediately() { o.published = make(chan storedEntry, queueSize) }

// Publish writes an entry of the event of job for each receiver. It returns the event's ID, empty if there are no
// receivers, and a function to call when the record of the import is written: see imports.Publish.
func (o *Outbox) Publish(ctx context.Context, job imports.Job) (id string, recorded func(), err error) {
	receivers := o.receivers(job)
	if len(receivers) == 0 {
		return "", func() {}, nil
	}
	now := o.Now().UTC()
	event, err := newEvent(job, o.Bucket.Name(), now)
	if err != nil {
		return "", nil, err
	}
	all := make([]storedEntry, len(receivers))
	var writes errgroup.Group
	for i, to := range receivers {
		e := entry{Event: event, To: []string{to}, Written: now, Confirmed: job.IsUntracked()}
		if to == toImport {
			e.Webhook = job.Webhook
		}
		due := now
		if o.published != nil {
			e.Lease = now.Add(o.effectiveSchedule().lease)
			due = e.Lease
		}
		h := storedEntry{entry: e, key: entryKey(due, event.ID, e.lane())}
		all[i] = h
		writes.Go(func() error { return createEntry(ctx, o.Bucket, h.key, h.entry) })
	}
	if err := writes.Wait(); err != nil {
		return "", nil, err
	}
	return event.ID, func() {
		for _, h := range all {
			o.enqueue(h)
		}
	}, nil
}

func (o *Outbox) receivers(job imports.Job) (to []string) {
	if o.Webhook != "" {
		to = append(to, toWebhook)
	}
	if o.PutEvent != nil {
		to = append(to, toBus)
	}
	if job.Webhook != "" && o.Send != nil {
		to = append(to, toImport)
	}
	return to
}

// enqueue queues h for Run. If the queue is full, h is delivered by a sweep when its lease has expired.
func (o *Outbox) enqueue(h storedEntry) {
	h.Confirmed = true
	select {
	case o.published <- h: // blocks on a nil channel
	default:
	}
}

// Run delivers the events that this server publishes until ctx ends. Queued deliveries and those in progress then have
// drainTimeout.
func (o *Outbox) Run(ctx context.Context) {
	delivering, cancel := withGracePeriod(ctx)
	defer cancel()
	for ctx.Err() == nil {
		select {
		case h := <-o.published:
			o.queuePublished(delivering, h)
		case <-ctx.Done():
		}
	}
	for len(o.published) > 0 {
		o.queuePublished(delivering, <-o.published)
	}
	o.Wait()
}

// withGracePeriod returns a context that ends drainTimeout after ctx.
func withGracePeriod(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(drainTimeout, cancel) })
	return longer, func() {
		stop()
		cancel()
	}
}

// queuePublished queues an entry that this server published. If its lane is full, a sweep delivers it when its lease
// has expired.
func (o *Outbox) queuePublished(ctx context.Context, h storedEntry) {
	o.deliveries.add(h.lane(), h.key, func() { o.deliverPublished(ctx, h) })
}

// deliverPublished delivers an entry that this server published, unless its lease may expire before the attempt ends.
func (o *Outbox) deliverPublished(ctx context.Context, h storedEntry) {
	if ctx.Err() == nil && !o.Now().Add(attemptTimeout+saveTimeout).After(h.Lease) {
		o.deliver(ctx, h)
	}
}

// maxInvalid limits the keys in Outbox.invalid.
const maxInvalid = 1000

// ignore makes this server ignore the object at key from now on.
func (o *Outbox) ignore(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.invalid) == 0 || len(o.invalid) >= maxInvalid { // with too many keys, each is reported again
		o.invalid = map[string]struct{}{}
	}
	o.invalid[key] = struct{}{}
}

func (o *Outbox) isInvalid(key string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, invalid := o.invalid[key]
	return invalid
}
