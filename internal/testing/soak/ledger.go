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
	tracked  []*entry            // in the order of their answers
	byKey    map[string]*entry   // also untracked ones, which only the bucket shows
	attempts map[string]*attempt // by marker
	claims   map[string]*attempt // by where the bucket keeps their Idempotency-Key
	// creates in parts that a kill may have cut between the beginning of the parts and the record
	risky int
}

// attempt is one create, or several of one Idempotency-Key. Whether it is answered or not, there may be one import of
// it, which bears its marker in name or metadata.
type attempt struct {
	plan
	tenant      *tenant
	marker, key string
	entry       *entry // nil until it is answered, or found in the bucket
}

// plan is what a client is about to send.
type plan struct {
	content
	sized    bool   // its size is declared
	once     bool   // it may be sent once
	check    string // the algorithm of its checksum, if it declares one
	count    int    // of parts; 0: it is not in parts
	partSize int64
	late     bool // in parts: the checksum comes with the completion
	spoiled  bool // in parts: the checksum is of other bytes
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
	sending, stored   bool   // what makes its object: begun; done, whatever came of it
	deleting, deleted bool   // its removal
	expired           bool   // it was seen so
	doubt             bool   // something arrived while it was being deleted, which the next look at it removes
	tried, sure       uint64 // parts, a bit each: sent; there
}

func newLedger() ledger {
	return ledger{byKey: map[string]*entry{}, attempts: map[string]*attempt{}, claims: map[string]*attempt{}}
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
	a := &attempt{plan: p, tenant: t, marker: fmt.Sprintf("n%d", len(l.attempts)), key: key}
	l.attempts[a.marker] = a
	if key != "" {
		sum := sha256.Sum256([]byte(key))
		l.claims["idem/"+t.owner+"/"+hex.EncodeToString(sum[:])] = a
	}
	return a
}

// enter notes the import that a, if any, made, unless it is known, and returns what is known.
func (l *ledger) enter(a *attempt, e *entry) *entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a != nil && a.entry != nil {
		return a.entry
	}
	if l.byKey[e.key] = e; a != nil {
		e.plan, e.tenant, a.entry = a.plan, a.tenant, e
		l.tracked = append(l.tracked, e)
	}
	return e
}

// made is the import of a, or nil.
func (l *ledger) made(a *attempt) *entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return a.entry
}

// bearing is the attempt whose marker an import bears, or nil.
func (l *ledger) bearing(filename *string, metadata map[string]string) *attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	if filename != nil {
		return l.attempts[strings.TrimSuffix(*filename, ".bin")]
	}
	return l.attempts[metadata["soak"]]
}

// find is the import at key, or nil.
func (l *ledger) find(key string) *entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byKey[key]
}

// all is every tracked import; withBare is every import.
func (l *ledger) all() []*entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.tracked)
}

func (l *ledger) withBare() []*entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.byKey))
}

// every is the bits of all parts.
func (p plan) every() uint64 { return 1<<p.count - 1 }

// part is what part n, from 1, holds of body.
func (p plan) part(body []byte, n int32) []byte {
	from := int64(n-1) * p.partSize
	return body[from:min(from+p.partSize, p.size)]
}

// mark changes what is known of e, and returns what was known before.
func (e *entry) mark(change func(*facts)) facts {
	e.mu.Lock()
	defer e.mu.Unlock()
	before := e.facts
	change(&e.facts)
	return before
}

func (e *entry) known() facts { return e.mark(func(*facts) {}) }

// object reports whether e must have one in the bucket.
func (e *entry) object(f facts) bool { return f.stored && !f.deleted && !e.spoiled }

// state is what e is by all that is known.
func (e *entry) state(f facts) client.JobStatus {
	switch {
	case f.deleted:
		return client.JobStatusAborted
	case f.stored && e.spoiled:
		return client.JobStatusFailed
	case f.stored:
		return client.JobStatusCompleted
	case f.expired:
		return client.JobStatusExpired
	case f.tried != 0:
		return client.JobStatusUploading
	}
	return client.JobStatusAwaitingUpload
}

// lacking is what an answer tells that names missing parts.
const lacking client.JobStatus = "lacking"

// tells is what a refusal says of an import's state.
var tells = map[string]client.JobStatus{
	"409 import-completed": client.JobStatusCompleted, "409 import-aborted": client.JobStatusAborted,
	"409 import-failed":     client.JobStatusFailed,
	"422 checksum-mismatch": client.JobStatusFailed, "409 import-expired": client.JobStatusExpired,
	"409 import-completing": client.JobStatusUploading,
	"409 upload-missing":    client.JobStatusAwaitingUpload, "409 parts-missing": lacking,
}

// legal are the states that a may tell, where before was known when it was asked for.
func (e *entry) legal(before facts, a answer) (legal []client.JobStatus) {
	may := func(be bool, s client.JobStatus) {
		if be {
			legal = append(legal, s)
		}
	}
	may(e.deleting, client.JobStatusAborted)
	may(e.sending && !before.deleted, e.state(facts{stored: true}))
	may(
		e.deleting && !before.deleted,
		client.JobStatusAwaitingUpload,
	) // a look that found the record before the removal, the object after it
	if before.deleted || before.stored {
		return legal
	}
	if e.count > 0 {
		may(before.sure == 0, client.JobStatusAwaitingUpload)
		may(e.tried != 0, client.JobStatusUploading)
		may(before.sure != e.every(), lacking)
		return legal
	}
	may(!before.expired && a.begun.Before(e.deadline), client.JobStatusAwaitingUpload)
	may(!a.ended.Before(e.deadline), client.JobStatusExpired)
	return legal
}

// hold holds what a tells of e, one of told, to what is known, and learns from it.
func (w *worker) hold(e *entry, kind string, before facts, a answer, told ...client.JobStatus) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	legal := e.legal(before, a)
	if !slices.ContainsFunc(told, func(s client.JobStatus) bool { return slices.Contains(legal, s) }) {
		w.violate(
			"%s %s: %s tells %v, must be %v; known before %+v, now %+v: %.500s",
			kind,
			e.id,
			a.said,
			told,
			legal,
			before,
			e.facts,
			a.body,
		)
		return false
	}
	if len(told) == 1 {
		e.stored = e.stored || told[0] == e.state(facts{stored: true})
		e.deleted = e.deleted || told[0] == client.JobStatusAborted
		e.expired = e.expired || told[0] == client.JobStatusExpired
		if told[0] == client.JobStatusUploading && bits.OnesCount64(e.tried) == 1 {
			e.sure = e.tried
		}
	}
	return true
}
