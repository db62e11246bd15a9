//go:build unix

package main

import (
	"bytes"
	"context"
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

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

const (
	// someAgain and manyAgain are how many imports in no doubt are read all the same, at a quiet point and at the end.
	someAgain, manyAgain = 200, 3000
	// readAgain is how many objects are read whole. All are compared by size, and by MD5 as the store has it.
	readAgain = 100
)

// look waits until nobody is at work, reads what is in doubt, and holds the bucket to the ledger.
func (s *soak) look(final bool) error {
	s.gate.Lock()
	defer s.gate.Unlock()
	began := time.Now()
	defer func() { s.quiet += time.Since(began); s.looks++ }()
	sample := someAgain
	if final {
		sample = manyAgain
	}
	records, err := s.list("jobs/")
	if err != nil {
		return err
	}
	for _, adopt := range []func() error{
		func() error { return s.auditRecords(records) }, func() error { return s.readAgain(sample) },
		s.auditObjects, s.auditUploads, s.auditClaims, func() error { return s.measure(final) },
	} {
		if err := adopt(); err != nil {
			return fmt.Errorf("quiet point: %w", err)
		}
	}
	return nil
}

// auditRecords: each record is of an import in the ledger or, once, of a create that was not answered; and none is lost.
func (s *soak) auditRecords(records map[string]types.Object) error {
	for key := range records {
		_, name, _ := strings.Cut(strings.TrimSuffix(key[strings.LastIndexByte(key, '/')+1:], ".json"), "-")
		if s.ledger.find(name) != nil {
			continue
		}
		r, err := s.record(key)
		if err != nil {
			return err
		}
		a := s.ledger.attemptOf(r.Filename, r.Metadata)
		if a == nil || s.ledger.made(a) != nil {
			s.tally.violate("%s is of no create, or the second of one", key)
			continue
		}
		s.ledger.enter(a, &entry{id: name, key: "imports/" + a.tenant.name + "/" + name, deadline: r.Deadline}).doubt = true
	}
	for _, e := range s.ledger.all() {
		if _, there := records[e.recordKey()]; !there {
			s.tally.violate("import %s has lost its record", e.id)
		}
	}
	return nil
}

func (e *entry) recordKey() string { return "jobs/" + e.tenant.name + "/" + rank(e.id) + ".json" }

// record is what the audit looks at of a record.
type record struct {
	Filename *string
	Metadata map[string]string
	Deadline time.Time
	Parts    struct {
		UploadID   string `json:"upload_id"`
		Completing time.Time
	}
}

func (s *soak) record(key string) (r record, err error) {
	text, err := s.object(key)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

// readAgain settles the imports that are in doubt, and some that are not.
func (s *soak) readAgain(sample int) error {
	var group errgroup.Group
	group.SetLimit(workerCount)
	all := s.ledger.all()
	for i, n := range rand.Perm(len(all)) {
		e := all[n]
		if f := e.mark(nil); i >= sample && !f.doubt && f.sending == f.stored && f.deleting == f.deleted {
			continue
		}
		group.Go(func() error {
			defer s.recovered()
			s.worker(uint64(n)).settle(e)
			e.mark(func(f *facts) { f.doubt, f.sending, f.deleting = false, f.stored, f.deleted })
			return nil
		})
	}
	return group.Wait()
}

// auditObjects: each completed import has its object, as it was sent, and there is no other.
func (s *soak) auditObjects() error {
	objects, err := s.list("imports/")
	if err != nil {
		return err
	}
	read := 0
	for _, e := range s.ledger.withBare() {
		o, there := objects[e.key]
		delete(objects, e.key)
		if f := e.mark(nil); there != (f.stored && !f.deleted && !e.spoiled) && (there || f.sending == f.stored) {
			s.tally.violate("%s: object there: %v, but %+v", e.key, there, f)
		}
		if !there {
			continue
		}
		body := e.content.bytes()
		if sum := md5.Sum(body); *o.Size != e.content.size || e.count == 0 && strings.Trim(*o.ETag, `"`) != hex.EncodeToString(sum[:]) {
			s.tally.violate("%s: %d bytes, ETag %s, are not what was sent, %d bytes", e.key, *o.Size, *o.ETag, e.content.size)
		}
		if read++; read <= readAgain {
			stored, err := s.object(e.key)
			if err != nil {
				return err
			}
			if !bytes.Equal(stored, body) {
				s.tally.violate("%s: the object is not what was sent", e.key)
			}
		}
	}
	for key := range objects {
		s.tally.violate("%s is nobody's", key)
	}
	return nil
}

// auditUploads: each open import in parts has its upload in the store, and no other import has. Further ones are orphans, of creates
// that a kill cut short, which a bucket's lifecycle rule clears.
func (s *soak) auditUploads() error {
	begun := map[string]string{} // id to key
	for pages := s3.NewListMultipartUploadsPaginator(s.s3, &s3.ListMultipartUploadsInput{Bucket: aws.String(bucketName)}); pages.HasMorePages(); {
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
		f := e.mark(nil)
		open := e.count > 0 && !f.stored && !f.deleted
		if !open && !slices.Contains(keys, e.key) {
			continue
		}
		r, err := s.record(e.recordKey())
		if err != nil {
			return err
		}
		if _, there := begun[r.Parts.UploadID]; there != open {
			s.tally.violate("import %s: its upload is there: %v, but %+v", e.id, there, f)
		}
		delete(begun, r.Parts.UploadID)
	}
	if s.orphans = len(begun); s.orphans > s.ledger.risky {
		s.tally.violate("%d uploads without a record, of %d creates that may have left one", s.orphans, s.ledger.risky)
	}
	return nil
}

// auditClaims: each Idempotency-Key in the bucket is one that was sent, and names the import that was answered.
func (s *soak) auditClaims() error {
	claims, err := s.list("idem/")
	if err != nil {
		return err
	}
	for key, a := range s.ledger.claims {
		e := s.ledger.made(a)
		if _, there := claims[key]; !there && e != nil {
			s.tally.violate("import %s has lost the claim to its Idempotency-Key", e.id)
		} else if there && e != nil && !a.audited {
			var claim struct{ ID string }
			text, err := s.object(key)
			if err != nil {
				return err
			}
			if err := json.Unmarshal(text, &claim); err != nil || claim.ID != e.id {
				s.tally.violate("the Idempotency-Key of %s names %s", e.id, claim.ID)
			}
			a.audited = true
		}
		delete(claims, key)
	}
	for key := range claims {
		s.tally.violate("%s is nobody's", key)
	}
	return nil
}

// list returns all objects under prefix.
func (s *soak) list(prefix string) (map[string]types.Object, error) {
	all := map[string]types.Object{}
	for pages := s3.NewListObjectsV2Paginator(s.s3, &s3.ListObjectsV2Input{Bucket: aws.String(bucketName), Prefix: &prefix}); pages.HasMorePages(); {
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

func (s *soak) object(key string) ([]byte, error) {
	out, err := s.s3.GetObject(context.WithoutCancel(s.ctx), &s3.GetObjectInput{Bucket: aws.String(bucketName), Key: &key})
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	return io.ReadAll(out.Body)
}
