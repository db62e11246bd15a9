//go:build unix

package main

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/imports"
)

// ledger contains what happened to every import.
type ledger struct {
	mu       sync.Mutex
	tracked  []*entry            // in the order of their responses
	byKey    map[string]*entry   // also untracked ones, which only the bucket shows
	attempts map[string]*attempt // by marker
	claims   map[string]*attempt // by the bucket's key of their Idempotency-Key
	// multipart creates that a kill may have interrupted before the record was written
	orphanRisks int
}

// attempt is a create, or several with one Idempotency-Key. It may have an import even without a response; the import
// has its marker in filename or metadata.
type attempt struct {
	plan
	tenant      *tenant
	marker, key string
	entry       *entry // nil until a response, or until it is found in the bucket
}

// plan describes an upload.
type plan struct {
	content
	sized    bool   // the size is declared
	once     bool   // write-once
	check    string // checksum algorithm, or empty
	count    int    // number of parts; 0: a single upload
	partSize int64
	late     bool // multipart: the checksum is sent with the completion
	spoiled  bool // multipart: the checksum is of other content
}

// entry is an import.
type entry struct {
	plan
	tenant   *tenant
	id, key  string
	deadline time.Time // until a single upload may start
	upload   client.UploadRequest

	mu sync.Mutex
	facts
}

// facts are what may have happened to an import, and what has certainly happened.
type facts struct {
	sending, stored    bool   // the upload or completion: started; finished
	deleting, deleted  bool   // the removal: started; finished
	expired            bool   // the status was expired
	uncertain          bool   // an upload overlapped with a removal; the next read resolves it
	attempted, certain uint64 // parts as bits: sent; stored
}

func newLedger() ledger {
	return ledger{byKey: map[string]*entry{}, attempts: map[string]*attempt{}, claims: map[string]*attempt{}}
}

func (l *ledger) countOrphanRisk() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.orphanRisks++
}

// attempt records a create before it is sent.
func (l *ledger) attempt(t *tenant, key string, p plan) *attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := &attempt{plan: p, tenant: t, marker: fmt.Sprintf("n%d", len(l.attempts)), key: key}
	l.attempts[a.marker] = a
	if key != "" {
		l.claims[imports.ClaimKey(t.owner, key)] = a
	}
	return a
}

// add records the import of a, which may be nil, unless it is recorded, and returns its entry.
func (l *ledger) add(a *attempt, e *entry) *entry {
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

// importOf returns the import of a, or nil.
func (l *ledger) importOf(a *attempt) *entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return a.entry
}

// attemptOf returns the attempt whose marker an import has, or nil.
func (l *ledger) attemptOf(filename string, metadata map[string]string) *attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	if filename != "" {
		return l.attempts[strings.TrimSuffix(filename, ".bin")]
	}
	return l.attempts[metadata["soak"]]
}

// find returns the import at key, or nil.
func (l *ledger) find(key string) *entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byKey[key]
}

// all returns every tracked import; withUntracked returns every import.
func (l *ledger) all() []*entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.tracked)
}

func (l *ledger) withUntracked() []*entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.byKey))
}

// every returns the bits of all parts.
func (p plan) every() uint64 { return 1<<p.count - 1 }

// part returns the content of part n, from 1, of body.
func (p plan) part(body []byte, n int32) []byte {
	from := int64(n-1) * p.partSize
	return body[from:min(from+p.partSize, p.size)]
}

// mark changes the facts about e, and returns the previous ones.
func (e *entry) mark(change func(*facts)) facts {
	e.mu.Lock()
	defer e.mu.Unlock()
	before := e.facts
	change(&e.facts)
	return before
}

func (e *entry) snapshot() facts { return e.mark(func(*facts) {}) }

// object reports whether e must have an object in the bucket.
func (e *entry) object(f facts) bool { return f.stored && !f.deleted && !e.spoiled }

// state returns the status of e by these facts.
func (e *entry) state(f facts) client.ImportStatus {
	switch {
	case f.deleted:
		return client.ImportStatusAborted
	case f.stored && e.spoiled:
		return client.ImportStatusFailed
	case f.stored:
		return client.ImportStatusCompleted
	case f.expired:
		return client.ImportStatusExpired
	case f.attempted != 0:
		return client.ImportStatusUploading
	}
	return client.ImportStatusAwaitingUpload
}

// partsMissing matches a response that names missing parts.
const partsMissing client.ImportStatus = "lacking"

// impliedStatus maps errors to the status that they imply.
var impliedStatus = map[string]client.ImportStatus{
	"409 import-completed": client.ImportStatusCompleted, "409 import-aborted": client.ImportStatusAborted,
	"409 import-failed":     client.ImportStatusFailed,
	"422 checksum-mismatch": client.ImportStatusFailed, "409 import-expired": client.ImportStatusExpired,
	"409 import-completing": client.ImportStatusUploading,
	"409 upload-missing":    client.ImportStatusAwaitingUpload, "409 parts-missing": partsMissing,
}

// allowed returns the statuses that response a may have, with the facts before the request.
func (e *entry) allowed(before facts, a answer) (allowed []client.ImportStatus) {
	may := func(be bool, s client.ImportStatus) {
		if be {
			allowed = append(allowed, s)
		}
	}
	may(e.deleting, client.ImportStatusAborted)
	may(e.sending && !before.deleted, e.state(facts{stored: true}))
	may(
		e.deleting && !before.deleted,
		client.ImportStatusAwaitingUpload,
	) // the read found the record before the removal, and the object after it
	if before.deleted || before.stored {
		return allowed
	}
	if e.count > 0 {
		may(before.certain == 0, client.ImportStatusAwaitingUpload)
		may(e.attempted != 0, client.ImportStatusUploading)
		may(before.certain != e.every(), partsMissing)
		return allowed
	}
	may(!before.expired && a.begun.Before(e.deadline), client.ImportStatusAwaitingUpload)
	may(!a.ended.Before(e.deadline), client.ImportStatusExpired)
	return allowed
}

// checkStatus checks the statuses that response a reports against the facts about e, and updates the facts.
func (w *worker) checkStatus(e *entry, kind string, before facts, a answer, reported ...client.ImportStatus) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	allowed := e.allowed(before, a)
	if !slices.ContainsFunc(reported, func(s client.ImportStatus) bool { return slices.Contains(allowed, s) }) {
		w.violate(
			"%s %s: %s tells %v, must be %v; known before %+v, now %+v: %.500s", kind, e.id, a.result, reported, allowed,
			before, e.facts, a.body,
		)
		return false
	}
	if len(reported) == 1 {
		e.stored = e.stored || reported[0] == e.state(facts{stored: true})
		e.deleted = e.deleted || reported[0] == client.ImportStatusAborted
		e.expired = e.expired || reported[0] == client.ImportStatusExpired
		if reported[0] == client.ImportStatusUploading && bits.OnesCount64(e.attempted) == 1 {
			e.certain = e.attempted
		}
	}
	return true
}
