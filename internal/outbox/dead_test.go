package outbox

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestDead: an event that is not accepted within three days is dead. It is listed, and Redeliver tries it for three
// more days.
func TestDead(t *testing.T) {
	w := newCluster(t)
	var mu sync.Mutex // up to three deliveries are in progress
	fails, sent := true, map[string]int{}
	s := w.server(func(_ context.Context, _, id string, _ time.Time, _ []byte) error {
		mu.Lock()
		defer mu.Unlock()
		sent[id]++
		if fails {
			return errDown
		}
		return nil
	})
	for range 3 {
		w.complete(s, "")
		w.deliverDue(s)
		w.Advance(giveUpAfter)
		w.retry(s)
	}
	w.deliverDue(s)
	dead := w.dead(s)
	if pending := len(w.Keys(pendingPrefix)) - len(dead); len(dead) != 3 || pending != 0 {
		t.Fatalf("%d dead events, and %d others, want 3 and none", len(dead), pending)
	}
	for i, d := range dead {
		if d.Attempts < minAttempts || d.Failure != "webhook: down" || d.Event.Type != "import.completed" ||
			i > 0 && d.Since.Before(dead[i-1].Since) {
			t.Errorf("dead event %d: got %+v, want its attempts, failure and event, the oldest first", i, d)
		}
	}
	before := len(sent)
	w.deliverDue(s)
	if len(sent) != before {
		t.Error("a dead event was sent")
	}

	if n, err := Redeliver(t.Context(), s.box.Bucket, s.box.Now(), "01a204b9-f71a-70fa-afcc-c06741427d4a"); n != 0 ||
		err != nil {
		t.Errorf("redeliver an unknown one: got %d, %v, want none", n, err)
	}
	if n, err := Redeliver(t.Context(), s.box.Bucket, s.box.Now(), dead[1].Event.ID); n != 1 || err != nil ||
		len(w.dead(s)) != 2 {
		t.Errorf("redeliver one: got %d, %v, and %d dead events, want 1 and 2", n, err, len(w.dead(s)))
	}
	w.deliverDue(s)
	w.Advance(giveUpAfter - time.Hour)
	w.deliverDue(s)
	if left := w.dead(s); len(left) != 2 {
		t.Errorf("after not quite three days more: %d dead events, want 2", len(left))
	}
	w.Advance(2 * time.Hour)
	w.retry(s)
	if left := w.dead(s); len(left) != 3 {
		t.Errorf("after three days more: %d dead events, want 3", len(left))
	}
	fails = false
	if n, err := Redeliver(t.Context(), s.box.Bucket, s.box.Now(), ""); n != 3 || err != nil {
		t.Errorf("redeliver all: got %d, %v, want 3", n, err)
	}
	w.deliverDue(s)
	if left := w.Keys(pendingPrefix); len(left) > 0 || len(sent) != 3 {
		t.Errorf("left %v, sent %v, want nothing, and three ids", left, sent)
	}
}

// retry delivers due events until the minimum number of attempts is reached.
func (w *cluster) retry(s *server) {
	for range minAttempts {
		w.deliverDue(s)
		w.Advance(10 * time.Hour)
	}
}

func (w *cluster) dead(s *server) (all []Dead) {
	w.Helper()
	if err := EachDead(w.Context(), s.box.Bucket, func(d Dead) error { all = append(all, d); return nil }); err != nil {
		w.Errorf("dead: %v", err)
	}
	return all
}

// TestInvalidDead: invalid objects among dead entries are reported, and do not affect others.
func TestInvalidDead(t *testing.T) {
	w := newCluster(t)
	s := w.server(func(context.Context, string, string, time.Time, []byte) error { return errDown })
	w.complete(s, "")
	w.deliverDue(s)
	w.Advance(giveUpAfter)
	w.retry(s)
	if len(w.dead(s)) != 1 {
		t.Fatal("the event is not dead")
	}
	w.Put("outbox/dead/20200101t000000.000z-01a204b9-f71a-70fa-afcc-c06741427d4a.json", "{")
	w.Put("outbox/dead/notes.txt", "notes")
	n := 0
	err := EachDead(t.Context(), s.box.Bucket, func(Dead) error { n++; return nil })
	if !errors.Is(err, errInvalidEntry) || n != 1 {
		t.Errorf("dead: got %d, %v, want 1 and %v", n, err, errInvalidEntry)
	}
	if n, err := Redeliver(t.Context(), s.box.Bucket, s.box.Now(), ""); !errors.Is(err, errInvalidEntry) || n != 1 {
		t.Errorf("redeliver all: got %d, %v, want 1 and %v", n, err, errInvalidEntry)
	}
}

// TestInvalidEntries: objects in the outbox that are no entries remain, and do not affect entries. Those with the key
// of an entry are reported once.
func TestInvalidEntries(t *testing.T) {
	w := newCluster(t)
	sent := 0
	s := w.server(func(context.Context, string, string, time.Time, []byte) error { sent++; return nil })
	var log bytes.Buffer
	s.box.Log = slog.New(slog.NewTextHandler(&log, nil))
	const id = "01a204b9-f71a-70fa-afcc-c06741427d4a"
	invalid := map[string]string{
		"outbox/!":      "",
		"outbox/00.txt": "notes",
		"outbox/20200101t000000.000z-" + id + ".json":      "{",
		"outbox/20200102t000000.000z-" + id + ".json":      "null",
		"outbox/20200103t000000.000z-" + id + ".json":      `{"event":{"id":"another"},"to":["webhook"],"true":true}`,
		"outbox/20209999t999999.000z-" + id + ".json":      `{"event":{"id":"` + id + `"}}`,
		"outbox/20200104t000000.000z-" + id + ".json":      strings.Repeat(" ", 65<<10) + "{}",
		"outbox/20200105t000000.000z-" + id[:35] + ".json": "{}",
		"outbox/20200106t000000.000z-x/y.json":             "{}",
		"outbox/zzz":                                       "",
	}
	for key, body := range invalid {
		w.Put(key, body)
	}
	w.complete(s, "")
	for range 2 {
		w.deliverDue(s)
	}
	left := w.Keys(pendingPrefix)
	if sent != 1 || len(left) != len(invalid) {
		t.Errorf("sent %d times, left %v, want once, and the invalid objects", sent, left)
	}
	for _, key := range left {
		if _, known := invalid[key]; !known {
			t.Errorf("left %s, which is sent", key)
		}
	}
	if reports := strings.Count(log.String(), "entry ignored"); reports != 4 {
		t.Errorf("got %d reports, want 4:\n%s", reports, &log)
	}
}

// TestUndeliverableEntry: an entry with an invalid import or without a receiver is removed.
func TestUndeliverableEntry(t *testing.T) {
	w := newCluster(t)
	sent := 0
	s := w.server(func(context.Context, string, string, time.Time, []byte) error { sent++; return nil })
	const id, other = "01a204b9-f71a-70fa-afcc-c06741427d4a", "01a204b9-f71a-70fa-afcc-c06741427d4b"
	w.Put("outbox/20200101t000000.000z-"+id+".json",
		`{"event":{"id":"`+id+`","data":{"id":"../../x","owner":"..","status":"completed"}},"to":["webhook"]}`)
	w.Put("outbox/20200101t000000.000z-"+other+".json", `{"event":{"id":"`+other+`"},"to":null,"true":true}`)
	w.deliverDue(s)
	if left := w.Keys(pendingPrefix); sent != 0 || len(left) > 0 {
		t.Errorf("sent %d times, left %v, want none and nothing", sent, left)
	}
}
