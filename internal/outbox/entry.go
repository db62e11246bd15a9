package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/imports"
)

// entry is an event that one receiver has not accepted yet. It is stored at outbox/{due}-{id}-{receiver}-{owner}.json.
// An event has an entry for each receiver, so that they do not depend on each other.
type entry struct {
	Event Event `json:"event"`
	// To is the kind of receiver. Versions without lanes wrote one entry for all receivers.
	To        []string  `json:"to"`
	Webhook   string    `json:"webhook,omitempty"` // the URL, if To is the import's own webhook
	Written   time.Time `json:"written"`           // when the event was published or redelivered by an operator
	Confirmed bool      `json:"true,omitempty"`    // the record confirms the event
	Lease     time.Time `json:"lease,omitzero"`    // no other server takes the entry before this time
	Attempts  int       `json:"attempts,omitempty"`
	Failure   string    `json:"failure,omitempty"` // of the last attempt
}

const (
	pendingPrefix = "outbox/"
	deadPrefix    = "outbox/dead/"
	// dueLayout sorts in the order of time, and contains only characters that are valid in keys.
	dueLayout = "20060102t150405.000z"
)

// entryKey returns the key of e, which is due or became dead at that time.
func entryKey(prefix string, at time.Time, e entry) string {
	return prefix + at.UTC().Format(dueLayout) + "-" + e.Event.ID + e.lane().suffix() + ".json"
}

var entryName = regexp.MustCompile(`^outbox/(?:dead/)?([0-9]{8}t[0-9]{6}\.[0-9]{3}z)-([0-9a-f-]{36})` +
	`(?:-(webhook|bus|[0-9a-f]{16})-([0-9a-f]{16}))?\.json$`)

// parseKey returns the time at which the entry at key is due or became dead, the id of its event, and its lane.
func parseKey(key string) (at time.Time, id string, l lane, ok bool) {
	parts := entryName.FindStringSubmatch(key)
	if parts == nil {
		return time.Time{}, "", lane{}, false
	}
	at, err := time.Parse(dueLayout, parts[1])
	return at, parts[2], lane{parts[3], parts[4]}, err == nil
}

// storedEntry is an entry with its key and the ETag for conditional writes. The ETag is empty if it is unknown.
type storedEntry struct {
	entry
	key, etag string
}

// readEntry reads the entry at key.
func readEntry(ctx context.Context, b *bucket.Bucket, key string) (storedEntry, error) {
	record, err := b.ReadRecord(ctx, key)
	if err != nil {
		return storedEntry{}, err
	}
	h := storedEntry{key: key, etag: record.ETag}
	if err := json.Unmarshal(record.Body, &h.entry); err != nil {
		return storedEntry{}, fmt.Errorf("%s: %w: %w", key, errInvalidEntry, err)
	}
	if _, id, _, ok := parseKey(key); !ok || h.Event.ID != id {
		return storedEntry{}, fmt.Errorf("%s: %w", key, errInvalidEntry)
	}
	return h, nil
}

// errInvalidEntry means that this service did not write the object.
var errInvalidEntry = errors.New("not an outbox entry")

// createEntry writes e to key. An existing object is no error: an earlier call wrote it, and its response was lost.
func createEntry(ctx context.Context, b *bucket.Bucket, key string, e entry) error {
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if err := b.CreateRecord(ctx, key, body); !errors.Is(err, bucket.ErrChanged) {
		return err
	}
	return nil
}

// claim extends the lease of h for a delivery. It returns bucket.ErrChanged if another server has claimed h, and
// bucket.ErrNotFound if h was delivered.
func (o *Outbox) claim(ctx context.Context, h storedEntry) (storedEntry, error) {
	h.Lease = o.Now().Add(leaseDuration).UTC()
	body, err := json.Marshal(h.entry)
	if err != nil {
		return storedEntry{}, err
	}
	h.etag, err = o.Bucket.ReplaceRecord(ctx, h.key, h.etag, body)
	return h, err
}

// moveEntry releases h and moves it to the key below prefix for that time. It writes before it deletes, so that h is
// never lost.
func moveEntry(ctx context.Context, b *bucket.Bucket, h storedEntry, prefix string, at time.Time) error {
	h.Lease = time.Time{}
	key := entryKey(prefix, at, h.entry)
	if key == h.key { // the old key is deleted below
		key = entryKey(prefix, at.Add(time.Millisecond), h.entry)
	}
	if err := createEntry(ctx, b, key, h.entry); err != nil {
		return err
	}
	return b.Delete(ctx, h.key)
}

// importEvent returns the event that the record of the import must confirm.
func (e entry) importEvent() imports.Event {
	d := e.Event.Data
	return imports.Event{
		ID: e.Event.ID, Owner: d.Owner, ImportID: d.ID, Status: imports.Status(d.Status), ETag: d.Object.ETag,
	}
}
