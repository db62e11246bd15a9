// Package outbox delivers events about imports at least once to each receiver. Before the record of an import changes,
// Publish writes an entry for each receiver to the bucket. The entry is deleted when the receiver has accepted the
// event, so any server can deliver the events of a server that stopped. Receivers and owners do not delay each other:
// see queue.
package outbox

import (
	"context"
	"log/slog"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/imports"
)

const (
	// leaseDuration is the time in which no other server takes an entry.
	leaseDuration = 2 * time.Minute
	// attemptTimeout limits one delivery attempt. A webhook has 15 s.
	attemptTimeout = 20 * time.Second
	// saveTimeout is the most that recording the outcome of an attempt takes: a write of 5 s and a deletion of 20 s.
	saveTimeout = 25 * time.Second
	// recordTimeout is the time after an event was published in which its record may still be written. The write has 5 s.
	recordTimeout = 30 * time.Second
	// drainTimeout is the time that deliveries in progress have when a server stops.
	drainTimeout = 5 * time.Second
)

// The kinds of receiver of an event.
const (
	toWebhook = "webhook" // the webhook of the service
	toBus     = "bus"
	toImport  = "import" // the import's own webhook
)

// Options configure an Outbox.
type Options struct {
	Bucket *bucket.Bucket
	// Confirm is imports.Service.Confirm.
	Confirm func(context.Context, imports.Event, bool) (imports.Verdict, error)
	// Webhook is the URL that receives the events of all imports. It may be empty.
	Webhook string
	// Send posts an event to a URL. At is the time of the attempt. Nil if there are no webhooks.
	Send func(ctx context.Context, url, id string, at time.Time, body []byte) error
	// Allows reports whether the webhook of an import is still allowed. Nil allows all.
	Allows func(url string) bool
	// PutEvent puts an event on an event bus. Nil if there is none.
	PutEvent func(ctx context.Context, e Event) error
	// DeliverImmediately is set if this server delivers the events that it publishes, until Run ends. Otherwise a sweep
	// delivers them.
	DeliverImmediately bool
	Now                func() time.Time
	Log                *slog.Logger
	// OnAttempt receives the outcome of each delivery attempt: ok, failed or, after the last attempt, dead. To is
	// webhook, bus or import. OnAttempt may be nil.
	OnAttempt func(to, outcome string)
}

// Outbox stores and delivers events. It is safe for concurrent use.
type Outbox struct {
	Options
	deliveries *queue
	delivering context.Context // of the events that this server publishes
	stop       context.CancelFunc
}

// New returns an Outbox.
func New(o Options) *Outbox {
	delivering, stop := context.WithCancel(context.Background())
	return &Outbox{Options: o, deliveries: newQueue(), delivering: delivering, stop: stop}
}

// Run returns when ctx has ended and no delivery is queued or in progress, at the latest after drainTimeout. Events
// that are published later are delivered by other servers.
func (o *Outbox) Run(ctx context.Context) {
	<-ctx.Done()
	defer time.AfterFunc(drainTimeout, o.stop).Stop()
	o.Wait()
	o.stop()
}

// Wait returns when no delivery of this server is queued or in progress.
func (o *Outbox) Wait() { o.deliveries.wait() }
