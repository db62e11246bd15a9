// Package outbox delivers events about imports, at least once to each receiver. Before the import's record changes, an entry is written
// to the bucket for each receiver. It is deleted once the receiver has accepted the event, so that any server can deliver what another
// left. Receivers and owners do not delay each other: see queue.
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
	// sendLimit limits one attempt to deliver. A webhook has 15 s.
	sendLimit = 20 * time.Second
	// keepLimit bounds what is written down of an attempt: a call of 5 s, and a removal of 20 s.
	keepLimit = 25 * time.Second
	// recordLimit is how long after an event was announced its record may still be written. It is a call of 5 s.
	recordLimit = 30 * time.Second
	// queueSize limits what was announced and is not in a lane yet. What does not fit is sent by whoever sweeps, after the lease.
	queueSize = 4096
	// drainLimit is how long deliveries under way have when a server stops.
	drainLimit = 5 * time.Second
)

// The receivers of an event.
const (
	toWebhook = "webhook" // the service's
	toBus     = "bus"
	toImport  = "import" // the import's own webhook
)

// Outbox keeps and delivers events. New readies one; all methods may be called by many goroutines.
type Outbox struct {
	Bucket  *bucket.Bucket
	Confirm func(context.Context, imports.Event, bool) (imports.Verdict, error) // see imports.Service
	Webhook string                                                              // the URL that hears of all imports; may be empty
	// Send posts the event of that id to a URL, at a time.
	Send func(ctx context.Context, url, id string, at time.Time, body []byte) error
	// Allows reports whether an import's own webhook may be called, which may have been allowed when it was named; nil: it may.
	Allows func(url string) bool
	// PutEvent puts an event on a bus; nil: there is none.
	PutEvent func(ctx context.Context, e Event) error
	Now      func() time.Time
	Log      *slog.Logger
	// OnAttempt is told of each attempt to deliver: to webhook, bus or import; ok, failed or, when it was the last, dead. It may be nil.
	OnAttempt func(to, outcome string)

	pace       pace      // standardPace, but for tests
	announced  chan held // by this server, and not in a lane yet; nil: it leaves all to sweepers
	deliveries queue

	mu  sync.Mutex
	odd map[string]struct{} // by key, what it has found to be no entry, and told of once
}

// pace is how long things are waited for.
type pace struct {
	lease  time.Duration   // for which a server has an entry to itself; what it has not done by then is another's
	delays []time.Duration // between attempts to deliver; the last stands for all that follow
}

var standardPace = pace{2 * time.Minute, []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour,
}}

func (o *Outbox) paced() pace {
	if o.pace.lease == 0 {
		return standardPace
	}
	return o.pace
}

// DeliverImmediately has o send what it announces right away, in Run.
func (o *Outbox) DeliverImmediately() { o.announced = make(chan held, queueSize) }

// Publish writes the event of job down, once for each receiver; see imports.Publish.
func (o *Outbox) Publish(ctx context.Context, job imports.Job) (news string, recorded func(), err error) {
	receivers := o.receivers(job)
	if len(receivers) == 0 {
		return "", func() {}, nil
	}
	now := o.Now().UTC()
	event, err := eventOf(job, o.Bucket.Name(), now)
	if err != nil {
		return "", nil, err
	}
	all := make([]held, len(receivers))
	var writes errgroup.Group
	for i, to := range receivers {
		e := entry{Event: event, To: []string{to}, Written: now, True: job.IsUntracked()}
		if to == toImport {
			e.Webhook = job.Webhook
		}
		due := now
		if o.announced != nil {
			e.Lease = now.Add(o.paced().lease)
			due = e.Lease
		}
		h := held{entry: e, key: entryKey(due, event.ID, e.lane())}
		all[i] = h
		writes.Go(func() error { return o.create(ctx, h.key, h.entry) })
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

// enqueue has h sent, if there is room; its lease lapses otherwise.
func (o *Outbox) enqueue(h held) {
	h.True = true
	select {
	case o.announced <- h: // never, where there is none
	default:
	}
}

// Run sends what this server announces until ctx ends, and what waits and is in progress then for a moment longer.
func (o *Outbox) Run(ctx context.Context) {
	sending, cancel := outliving(ctx)
	defer cancel()
	for ctx.Err() == nil {
		select {
		case h := <-o.announced:
			o.queueOwn(sending, h)
		case <-ctx.Done():
		}
	}
	for len(o.announced) > 0 {
		o.queueOwn(sending, <-o.announced)
	}
	o.Wait()
}

// outliving returns a context that ends a moment after ctx does.
func outliving(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(drainLimit, cancel) })
	return longer, func() {
		stop()
		cancel()
	}
}

// queueOwn queues what this server announced. If its lane is full, its lease lapses, and a sweeper takes it.
func (o *Outbox) queueOwn(ctx context.Context, h held) {
	o.deliveries.add(h.lane(), h.key, func() { o.sendOwn(ctx, h) })
}

// sendOwn delivers what this server announced, unless another server may take it before the attempt ends.
func (o *Outbox) sendOwn(ctx context.Context, h held) {
	if ctx.Err() == nil && !o.Now().Add(sendLimit+keepLimit).After(h.Lease) {
		o.deliver(ctx, h)
	}
}

// mostOdd limits the keys of objects that are no entries and that a server remembers.
const mostOdd = 1000

// passOver has this server leave the object at key alone from now on.
func (o *Outbox) passOver(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.odd) == 0 || len(o.odd) >= mostOdd { // too many to be remembered: each is reported again
		o.odd = map[string]struct{}{}
	}
	o.odd[key] = struct{}{}
}

func (o *Outbox) isOdd(key string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, odd := o.odd[key]
	return odd
}
