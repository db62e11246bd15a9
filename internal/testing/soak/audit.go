//go:build unix

package main

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/imports"
)

const (
	// rereadAtAudit and rereadAtEnd limit how many imports of a certain state are read again: during an audit, and at the
	// end.
	rereadAtAudit, rereadAtEnd = 200, 3000
	// readers is the number of concurrent reads; more would load the store more than the traffic does.
	readers = 8
	// wholeObjects is the number of objects that are compared byte by byte; others by size and the store's MD5.
	wholeObjects = 100
)

// inspectAll audits the bucket: it waits until all workers are idle, reads imports whose state is uncertain, and
// compares the bucket with the ledger.
func (s *soak) inspectAll(final bool) error {
	s.traffic.Lock()
	defer s.traffic.Unlock()
	begun := time.Now()
	defer func() { s.quiet += time.Since(begun); s.audits++ }()
	for _, step := range []func(final bool) error{
		s.auditRecords, s.awaitAllIdle, s.auditObjects, s.auditUploads, s.auditClaims, s.rereadSome, s.measure,
	} {
		if err := step(final); err != nil {
			return fmt.Errorf("audit: %w", err)
		}
	}
	return nil
}

// auditRecords checks that each record is of an import in the ledger or of a create without a response, and that none
// is missing.
func (s *soak) auditRecords(bool) error {
	records, err := s.listed("jobs/")
	if err != nil {
		return err
	}
	for _, e := range s.ledger.all() {
		key := e.job().RecordKey()
		if _, there := records[key]; !there {
			s.violate("import %s has lost its record", e.id)
		}
		delete(records, key)
	}
	for key := range records {
		r, err := s.record(key)
		if err != nil {
			return err
		}
		a := s.ledger.attemptOf(r.Filename, r.Metadata)
		job := imports.Job{ID: r.ID}
		if a != nil {
			job.Owner = a.tenant.owner
		}
		if a == nil || s.ledger.importOf(a) != nil || key != job.RecordKey() {
			s.violate("%s is of no create, or the second of one", key)
			continue
		}
		s.ledger.add(a, &entry{id: r.ID, key: job.Key(), deadline: r.Deadline}).uncertain = true
	}
	return nil
}

func (e *entry) job() imports.Job { return imports.Job{Owner: e.tenant.owner, ID: e.id} }

// record contains the audited members of a record.
type record struct {
	ID       string
	Status   client.ImportStatus
	Filename string
	Metadata map[string]string
	Deadline time.Time
	Parts    struct {
		UploadID   string `json:"upload_id"`
		Completing time.Time
	}
}

func (s *soak) record(key string) (r record, err error) {
	text, err := s.stored(key)
	if err != nil || !strings.HasSuffix(key, ".json") {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

// awaitAllIdle reads the imports whose state is uncertain. It skips the others, because a read may repair an import.
func (s *soak) awaitAllIdle(bool) error {
	uncertainEntries := slices.DeleteFunc(s.ledger.all(), func(e *entry) bool {
		f := e.snapshot()
		return !f.uncertain && f.sending == f.stored && f.deleting == f.deleted
	})
	return s.forEach(uncertainEntries, func(w *worker, e *entry) error {
		w.awaitIdle(e)
		e.mark(func(f *facts) { f.uncertain, f.sending, f.deleting = false, f.stored, f.deleted })
		return nil
	})
}

// rereadSome checks that imports of a certain state are unchanged, and that their terminal status is in the record.
func (s *soak) rereadSome(final bool) error {
	all, sample := s.ledger.all(), rereadAtAudit
	if final {
		sample = rereadAtEnd
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return s.forEach(all[:min(len(all), sample)], func(w *worker, e *entry) error {
		job := w.read(e)
		r, err := s.record(e.job().RecordKey())
		if f := e.snapshot(); err == nil && job != nil && (f.deleted || f.stored) && r.Status != job.Status {
			s.violate("import %s: is %s, its record says %s", e.id, job.Status, r.Status)
		}
		return err
	})
}

func (s *soak) forEach(entries []*entry, do func(*worker, *entry) error) error {
	var group errgroup.Group
	group.SetLimit(readers)
	for i, e := range entries {
		group.Go(func() error {
			defer s.recovered()
			return do(s.worker(uint64(i)), e)
		})
	}
	return group.Wait()
}

// auditObjects checks that each completed import has its object with the uploaded content, and that there is no other
// object.
func (s *soak) auditObjects(bool) error {
	objects, err := s.listed(imports.ObjectRoot)
	if err != nil {
		return err
	}
	whole := 0
	for _, e := range s.ledger.withUntracked() {
		o, there := objects[e.key]
		delete(objects, e.key)
		if f := e.snapshot(); there != e.object(f) &&
			!(there && f.sending && !f.stored) { // the response to an untracked upload may be lost
			s.violate("%s: its object is there: %v, but %+v", e.key, there, f)
		}
		if !there {
			continue
		}
		body := e.bytes()
		if sum := md5.Sum(body); *o.Size != e.size ||
			e.count == 0 && strings.Trim(*o.ETag, `"`) != hex.EncodeToString(sum[:]) {
			s.violate("%s: %d bytes with ETag %s are not the %d that were sent", e.key, *o.Size, *o.ETag, e.size)
		}
		if whole++; whole <= wholeObjects {
			if stored, err := s.stored(e.key); err != nil || !bytes.Equal(stored, body) {
				s.violate("%s: the object is not what was sent: %v", e.key, err)
			}
		}
	}
	for key := range objects {
		s.violate("%s belongs to no import", key)
	}
	return nil
}

// auditUploads checks that exactly the open multipart imports have an upload in the store. Others are orphans of
// creates that a kill interrupted; a lifecycle rule aborts those.
func (s *soak) auditUploads(bool) error {
	begun := map[string]string{} // id to key
	pages := s3.NewListMultipartUploadsPaginator(s.s3, &s3.ListMultipartUploadsInput{Bucket: &bucketName})
	for pages.HasMorePages() {
		page, err := pages.NextPage(s.ctx)
		if err != nil {
			return err
		}
		for _, u := range page.Uploads {
			begun[*u.UploadId] = *u.Key
		}
	}
	keys := slices.Collect(maps.Values(begun))
	for _, e := range s.ledger.all() {
		f := e.snapshot()
		open := e.count > 0 && !f.stored && !f.deleted
		if !open && !slices.Contains(keys, e.key) {
			continue
		}
		r, err := s.record(e.job().RecordKey())
		if err != nil {
			return err
		}
		if _, there := begun[r.Parts.UploadID]; there != open {
			s.violate("import %s: its upload %s is there: %v, but %+v", e.id, r.Parts.UploadID, there, f)
		}
		delete(begun, r.Parts.UploadID)
	}
	if s.orphans = len(begun); s.orphans > s.ledger.orphanRisks {
		s.violate("%d uploads without a record, of %d creates that may have left one", s.orphans, s.ledger.orphanRisks)
	}
	return nil
}

// auditClaims checks that each Idempotency-Key in the bucket was sent and names the returned import.
func (s *soak) auditClaims(final bool) error {
	claims, err := s.listed("idem/")
	if err != nil {
		return err
	}
	for key, a := range s.ledger.claims {
		_, there := claims[key]
		delete(claims, key)
		e := s.ledger.importOf(a)
		if e == nil {
			continue // it may have a claim
		}
		if !there {
			s.violate("import %s has lost the claim to its Idempotency-Key", e.id)
		} else if final {
			var claim struct{ ID string }
			text, err := s.stored(key)
			if err != nil || json.Unmarshal(text, &claim) != nil || claim.ID != e.id {
				s.violate("the Idempotency-Key of %s names %s: %v", e.id, text, err)
			}
		}
	}
	for key := range claims {
		s.violate("%s belongs to no import", key)
	}
	return nil
}

// listed returns all objects below prefix.
func (s *soak) listed(prefix string) (map[string]types.Object, error) {
	all := map[string]types.Object{}
	pages := s3.NewListObjectsV2Paginator(s.s3, &s3.ListObjectsV2Input{Bucket: &bucketName, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(s.ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range page.Contents {
			all[*o.Key] = o
		}
	}
	return all, nil
}

// stored returns the object at key.
func (s *soak) stored(key string) ([]byte, error) {
	out, err := s.s3.GetObject(s.ctx, &s3.GetObjectInput{Bucket: &bucketName, Key: &key})
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	return io.ReadAll(out.Body)
}
