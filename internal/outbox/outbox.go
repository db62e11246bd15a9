// Package outbox tells receivers what became of imports, at least once each. An event is an object in the bucket before the import's
// record says what it tells, and is removed once every receiver has taken it, so that any server may send what another left. How it
// travels is for others to know.
package outbox

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/imports"
)

const (
	// sendLimit bounds one attempt to deliver, with the wait for its turn at the receiver.
	sendLimit = time.Minute
	// keepLimit bounds what is written down of an attempt: a call of 5 s, and a removal of 20 s.
	keepLimit = 25 * time.Second
	// recordLimit is how long after an event was announced its record may still be written. It is a call of 5 s.
	recordLimit = 30 * time.Second
	// queueSize and senders bound what a server sends right away. What does not fit is sent by whoever sweeps, after the lease.
	queueSize = 4096
	senders   = 64
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
	Confirm func(context.Context, imports.News, bool) (imports.Word, error) // see imports.Service
	Webhook string                                                          // the URL that hears of all imports; may be empty
	// Send posts the event of that id to a URL, at a time.
	Send func(ctx context.Context, url, id string, at time.Time, body []byte) error
	// Allows reports whether an import's own webhook may be called, which may have been allowed when it was named; nil: it may.
	Allows func(url string) bool
	// Publish puts an event on a bus; nil: there is none.
	Publish func(ctx context.Context, e Event) error
	// AtOnce bounds the entries that a pass is at; 0: 1,000. Where a pass has little time, it is no more than a receiver gets at a time.
	AtOnce int
	Now    func() time.Time
	Log    *slog.Logger
	// Told is told of each attempt to deliver: to webhook, bus or import; ok, failed or, when it was the last, dead. It may be nil.
	Told func(to, outcome string)

	pace  pace      // standardPace, but for tests
	queue chan held // what this server announced; nil: it leaves all to sweepers
	mu    sync.Mutex
	busy  map[string]struct{} // by key, what this server is at
	idle  chan struct{}       // closed when that is nothing any more
	odd   map[string]struct{} // by key, what it has found to be no entry, and told of once
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

// Queue has o send what it announces right away, in Run.
func (o *Outbox) Queue() { o.queue = make(chan held, queueSize) }

// Announce writes the event of job down; see imports.Announce.
func (o *Outbox) Announce(ctx context.Context, job imports.Job) (news string, recorded func(), err error) {
	now := o.Now().UTC()
	e := entry{To: o.receivers(job), Webhook: job.Webhook, Written: now, True: job.Bare()}
	if len(e.To) == 0 {
		return "", func() {}, nil
	}
	if e.Event, err = eventOf(job, o.Bucket.Name(), now); err != nil {
		return "", nil, err
	}
	due := now
	if o.queue != nil {
		e.Lease = now.Add(o.paced().lease)
		due = e.Lease
	}
	h := held{entry: e, key: entryKey(due, e.Event.ID)}
	if err := o.create(ctx, h.key, e); err != nil {
		return "", nil, err
	}
	return e.Event.ID, func() { o.enqueue(h) }, nil
}

func (o *Outbox) receivers(job imports.Job) (to []string) {
	if o.Webhook != "" {
		to = append(to, toWebhook)
	}
	if o.Publish != nil {
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
	case o.queue <- h: // never, where there is none
	default:
	}
}

// Run sends what this server announces until ctx ends, and what is under way then for a moment longer.
func (o *Outbox) Run(ctx context.Context) {
	sending, cancel := outliving(ctx)
	defer cancel()
	var workers sync.WaitGroup
	for range senders {
		workers.Go(func() {
			for {
				select {
				case h := <-o.queue:
					o.sendOwn(sending, h)
				case <-ctx.Done():
					o.sendRest(sending)
					return
				}
			}
		})
	}
	workers.Wait()
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

// sendRest sends what is still in the queue of a server that stops.
func (o *Outbox) sendRest(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case h := <-o.queue:
			o.sendOwn(ctx, h)
		default:
			return
		}
	}
}

// sendOwn delivers what this server announced, as long as nobody else may be at it.
func (o *Outbox) sendOwn(ctx context.Context, h held) {
	if o.Now().Add(sendLimit+keepLimit).After(h.Lease) || !o.begin(h.key) {
		return // it waited for too long: a sweeper takes it
	}
	defer o.end(h.key)
	o.deliver(ctx, h)
}

// begin reports whether this server may turn to the entry at key.
func (o *Outbox) begin(key string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, busy := o.busy[key]
	if _, odd := o.odd[key]; busy || odd {
		return false
	}
	if len(o.busy) == 0 {
		o.busy, o.idle = map[string]struct{}{}, make(chan struct{})
	}
	o.busy[key] = struct{}{}
	return true
}

// passOver has this server leave the object at key alone from now on.
func (o *Outbox) passOver(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.odd) == 0 || len(o.odd) >= mostUnderWay { // too many to be remembered: each is told of again
		o.odd = map[string]struct{}{}
	}
	o.odd[key] = struct{}{}
}

// room is how many entries more this server may turn to.
func (o *Outbox) room() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return mostUnderWay - len(o.busy)
}

func (o *Outbox) end(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if delete(o.busy, key); len(o.busy) == 0 {
		close(o.idle)
	}
}
