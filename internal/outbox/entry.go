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

// entry is an event that one receiver has not accepted yet: an object at outbox/{due}-{id}-{receiver}-{owner}.json. An event has an
// entry for each receiver, so that they do not depend on each other.
type entry struct {
	Event   Event     `json:"event"`
	To      []string  `json:"to"`                // the receiver. Versions that had no lanes wrote one entry for all receivers.
	Webhook string    `json:"webhook,omitempty"` // the import's own, if that is the receiver
	Written time.Time `json:"written"`           // when it was announced, or sent again by hand
	True    bool      `json:"true,omitempty"`    // the record is known to say so
	// Lease is until when a server is at it.
	Lease    time.Time `json:"lease,omitzero"`
	Attempts int       `json:"attempts,omitempty"`
	Failure  string    `json:"failure,omitempty"` // of the last attempt
}

const (
	pendingPrefix = "outbox/"
	deadPrefix    = "outbox/dead/"
	// dueLayout sorts as time does, and has a key's characters alone.
	dueLayout = "20060102t150405.000z"
)

// entryKey returns the key of an entry that is due at that time.
func entryKey(due time.Time, id string, l lane) string {
	return pendingPrefix + due.UTC().Format(dueLayout) + "-" + id + l.suffix() + ".json"
}

// deadKey returns the key of an entry that was given up at that time.
func deadKey(since time.Time, id string, l lane) string {
	return deadPrefix + since.UTC().Format(dueLayout) + "-" + id + l.suffix() + ".json"
}

var entryName = regexp.MustCompile(
	`^outbox/(?:dead/)?([0-9]{8}t[0-9]{6}\.[0-9]{3}z)-([0-9a-f-]{36})(?:-(webhook|bus|[0-9a-f]{16})-([0-9a-f]{16}))?\.json$`)

// parseKey returns when the entry at key is due, or was given up, the id of its event, and its lane.
func parseKey(key string) (at time.Time, id string, l lane, ok bool) {
	parts := entryName.FindStringSubmatch(key)
	if parts == nil {
		return time.Time{}, "", lane{}, false
	}
	at, err := time.Parse(dueLayout, parts[1])
	return at, parts[2], lane{parts[3], parts[4]}, err == nil
}

// held is an entry as it is in the bucket, with the ETag that a conditional write needs; empty where nobody knows it.
type held struct {
	entry
	key, etag string
}

func (o *Outbox) read(ctx context.Context, key string) (held, error) {
	record, err := o.Bucket.ReadRecord(ctx, key)
	if err != nil {
		return held{}, err
	}
	h := held{key: key, etag: record.ETag}
	if err := json.Unmarshal(record.Body, &h.entry); err != nil {
		return held{}, fmt.Errorf("%s: %w: %w", key, errOdd, err)
	}
	if _, id, _, ok := parseKey(key); !ok || h.Event.ID != id {
		return held{}, fmt.Errorf("%s: %w", key, errOdd)
	}
	return h, nil
}

// errOdd is an object in the outbox that this service does not write.
var errOdd = errors.New("is no entry of an outbox")

// create writes e to key. That it is there is no error: it was written before, and the answer was lost.
func (o *Outbox) create(ctx context.Context, key string, e entry) error {
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if err := o.Bucket.CreateRecord(ctx, key, body); !errors.Is(err, bucket.ErrChanged) {
		return err
	}
	return nil
}

// claim takes h for as long as a delivery may take, unless another server did: bucket.ErrChanged, or bucket.ErrNotFound where it is done.
func (o *Outbox) claim(ctx context.Context, h held) (held, error) {
	h.Lease = o.Now().Add(o.paced().lease).UTC()
	body, err := json.Marshal(h.entry)
	if err != nil {
		return held{}, err
	}
	h.etag, err = o.Bucket.ReplaceRecord(ctx, h.key, h.etag, body)
	return h, err
}

// move moves h to its key of that time, by entryKey or deadKey. It writes before it deletes, so that the entry is never lost.
func (o *Outbox) move(ctx context.Context, h held, keyOf func(time.Time, string, lane) string, at time.Time) error {
	key := keyOf(at, h.Event.ID, h.lane())
	if key == h.key { // which is about to be removed
		key = keyOf(at.Add(time.Millisecond), h.Event.ID, h.lane())
	}
	if err := o.create(ctx, key, h.entry); err != nil {
		return err
	}
	return o.Bucket.Delete(ctx, h.key)
}

// news is what the import's record is asked about.
func (e entry) news() imports.Event {
	d := e.Event.Data
	return imports.Event{ID: e.Event.ID, Owner: d.Owner, ImportID: d.ID, Status: imports.Status(d.Status), ETag: d.Object.ETag}
}
