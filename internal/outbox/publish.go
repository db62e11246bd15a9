package outbox

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/signpost-s3/signpost/internal/imports"
)

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
	var writes errgroup.Group // at most three
	for i, to := range receivers {
		e := entry{Event: event, To: []string{to}, Written: now, Confirmed: job.IsUntracked()}
		if to == toImport {
			e.Webhook = job.Webhook
		}
		due := now
		if o.DeliverImmediately {
			e.Lease = now.Add(leaseDuration)
			due = e.Lease
		}
		h := storedEntry{entry: e, key: entryKey(pendingPrefix, due, e)}
		all[i] = h
		writes.Go(func() error { return createEntry(ctx, o.Bucket, h.key, h.entry) })
	}
	if err := writes.Wait(); err != nil {
		return "", nil, err
	}
	return event.ID, func() { o.queuePublished(all) }, nil
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

// queuePublished queues entries whose event is confirmed. An entry that finds no room is delivered by a sweep when its
// lease has expired.
func (o *Outbox) queuePublished(entries []storedEntry) {
	if !o.DeliverImmediately {
		return
	}
	for _, h := range entries {
		h.Confirmed = true
		o.deliveries.add(h.lane(), h.key, func() { o.deliverPublished(h) })
	}
}

// deliverPublished delivers an entry that this server published, unless its lease may expire before the attempt ends.
func (o *Outbox) deliverPublished(h storedEntry) {
	if o.delivering.Err() == nil && !o.Now().Add(attemptTimeout+saveTimeout).After(h.Lease) {
		o.deliver(o.delivering, h)
	}
}
