//go:build unix

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
)

// ledger is what is known of every import.
type ledger struct {
	mu       sync.Mutex
	entries  []*entry // in the order of their answers
	byID     map[string]*entry
	attempts map[string]*attempt // by marker
	claims   map[string]*attempt // by the name under which the bucket keeps an Idempotency-Key
	bare     map[string]*entry   // by key; nobody but the bucket knows of them
	risky    int                 // creates in parts that a kill may have cut between the parts' beginning and the record
}

// attempt is one create, or several of one Idempotency-Key. Whether it was answered or not, there may be one import of it. Its marker
// is in the import's name or metadata.
type attempt struct {
	marker string
	tenant *tenant
	key    string // Idempotency-Key
	plan   plan
	entry  *entry // nil until it was answered, or found in the bucket

	audited bool // its key is known to be in the bucket as it should
}

// plan is what a client is about to send.
type plan struct {
	content  content
	sized    bool   // its size is declared
	once     bool   // it may be sent once
	check    string // the algorithm of its checksum; empty: none is declared
	count    int    // of parts; 0: it is not in parts
	partSize int64  // bytes
	late     bool   // in parts: the checksum comes with the completion
	spoiled  bool   // in parts: the checksum is of other bytes
}

// entry is one import.
type entry struct {
	plan
	tenant   *tenant
	id, key  string
	deadline time.Time // until when an upload in one request may begin
	upload   client.UploadRequest

	mu sync.Mutex
	facts
}

// facts are what may have happened to an import, and what surely has.
type facts struct {
	sending, stored   bool   // what makes its object: begun; done
	deleting, deleted bool   // its removal: begun; done
	expired           bool   // it was seen so
	tried, sure       uint64 // parts, a bit each: sent; there
	doubt             bool   // something arrived while it was being deleted, which the next look at it removes
	twins             bool   // two complete it at once: the local store's list lacks parts while it makes the object, so one may withdraw
}

func newLedger() ledger {
	return ledger{byID: map[string]*entry{}, attempts: map[string]*attempt{}, claims: map[string]*attempt{}, bare: map[string]*entry{}}
}

func (l *ledger) atRisk() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.risky++
}

// attempt notes a create before it is sent.
func (l *ledger) attempt(t *tenant, key string, p plan) *attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := &attempt{marker: fmt.Sprintf("n%d", len(l.attempts)), tenant: t, key: key, plan: p}
	l.attempts[a.marker] = a
	if key != "" {
		sum := sha256.Sum256([]byte(key))
		l.claims["idem/"+t.name+"/"+hex.EncodeToString(sum[:])] = a
	}
	return a
}

// enter notes the import that a made, unless it is known already, and returns what is known.
func (l *ledger) enter(a *attempt, e *entry) *entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a.entry == nil {
		e.plan, e.tenant = a.plan, a.tenant
		a.entry, l.byID[e.id] = e, e
		l.entries = append(l.entries, e)
	}
	return a.entry
}

// enterBare notes an upload that has no record.
func (l *ledger) enterBare(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bare[e.key] = e
}

// attemptOf is the attempt whose marker an import bears, or nil.
func (l *ledger) attemptOf(filename *string, metadata map[string]string) *attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	if filename != nil {
		return l.attempts[strings.TrimSuffix(*filename, ".bin")]
	}
	return l.attempts[metadata["soak"]]
}

// find is the import of id, or nil.
func (l *ledger) find(id string) *entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byID[id]
}

// made is the import of a, or nil.
func (l *ledger) made(a *attempt) *entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return a.entry
}

// all is every import, oldest answer first.
func (l *ledger) all() []*entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

// withBare is every import, with those of which there is no record.
func (l *ledger) withBare() []*entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.AppendSeq(slices.Clone(l.entries), maps.Values(l.bare))
}

// states counts the imports by what has become of them.
func (l *ledger) states() map[string]int {
	states := map[string]int{}
	for _, e := range l.all() {
		switch f := e.mark(nil); {
		case f.deleted:
			states["aborted"]++
		case f.stored && e.spoiled:
			states["failed"]++
		case f.stored:
			states["completed"]++
		case f.expired:
			states["expired"]++
		case f.tried != 0:
			states["uploading"]++
		default:
			states["awaiting"]++
		}
	}
	return states
}

// checksum is what e declares of its content.
func (p plan) checksum() *client.Checksum {
	body := p.content.bytes()
	if p.spoiled {
		body[0] ^= 1
	}
	value := sum(p.check, body)
	return &client.Checksum{Algorithm: client.ChecksumAlgorithm(p.check), Value: &value}
}

// part is what part n, from 1, holds of body.
func (p plan) part(body []byte, n int32) []byte {
	from := int64(n-1) * p.partSize
	return body[from:min(from+p.partSize, int64(len(body)))]
}

// all is the bits of all parts.
func (p plan) all() uint64 { return 1<<p.count - 1 }

// mark changes what is known of e, and returns what was known before. A nil f changes nothing.
func (e *entry) mark(f func(*facts)) facts {
	e.mu.Lock()
	defer e.mu.Unlock()
	before := e.facts
	if f != nil {
		f(&e.facts)
	}
	return before
}

// lacking is what an answer tells that names missing parts.
const lacking client.JobStatus = "lacking"

// tells is what a refusal says of an import's state.
var tells = map[string]client.JobStatus{
	"409 import-completed": client.JobStatusCompleted, "409 import-aborted": client.JobStatusAborted, "409 import-failed": client.JobStatusFailed,
	"422 checksum-mismatch": client.JobStatusFailed, "409 import-expired": client.JobStatusExpired, "409 import-completing": client.JobStatusUploading,
	"409 upload-missing": client.JobStatusAwaitingUpload, "409 parts-missing": lacking,
}

// legal are the states that an answer between begun and ended may tell, where before was known when it was asked for.
func (e *entry) legal(before facts, begun, ended time.Time) (legal []client.JobStatus) {
	made := client.JobStatusCompleted
	if e.spoiled {
		made = client.JobStatusFailed
	}
	inParts := e.count > 0
	for _, may := range []struct {
		state client.JobStatus
		be    bool
	}{
		{client.JobStatusAborted, e.deleting},
		{made, !before.deleted && e.sending},
		{client.JobStatusAwaitingUpload, !before.deleted && !before.stored && inParts && before.sure == 0},
		{client.JobStatusUploading, !before.deleted && !before.stored && inParts && e.tried != 0},
		{lacking, !before.deleted && !before.stored && (before.sure != e.all() || e.twins)},
		{client.JobStatusAwaitingUpload, !before.deleted && !before.stored && !inParts && !before.expired && begun.Before(e.deadline)},
		{client.JobStatusExpired, !before.deleted && !before.stored && !inParts && !ended.Before(e.deadline)},
	} {
		if may.be {
			legal = append(legal, may.state)
		}
	}
	return legal
}

// hold holds what a tells of e, one of told, to what is known, and learns from it.
func (w *worker) hold(e *entry, kind string, before facts, a answer, told ...client.JobStatus) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	legal := e.legal(before, a.begun, a.ended)
	if e.deleting && !before.deleted { // a look that found the record before the removal and the object after it saw neither
		legal = append(legal, client.JobStatusAwaitingUpload)
	}
	if !slices.ContainsFunc(told, func(s client.JobStatus) bool { return slices.Contains(legal, s) }) {
		w.tally.violate("%s %s: %s at %s, told %v, must be %v; before %+v, now %+v: %.500s", kind, e.id, a.said, a.ended.Format(clock), told, legal, before, e.facts, a.body)
		return false
	}
	if len(told) > 1 {
		return true
	}
	switch told[0] {
	case client.JobStatusCompleted, client.JobStatusFailed:
		e.stored = true
	case client.JobStatusAborted:
		e.deleted = true
	case client.JobStatusExpired:
		e.expired = true
	case client.JobStatusUploading:
		if bits.OnesCount64(e.tried) == 1 {
			e.sure = e.tried
		}
	}
	return true
}
