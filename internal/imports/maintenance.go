package imports

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/s3limits"
)

// This file is maintenance: it updates imports that no client may ever read again. Package sweep calls it.

// Owners calls f with each owner that has imports, in ascending order, beginning after the owner after.
func (s *Service) Owners(ctx context.Context, after string, f func(owner string) error) error {
	if after != "" {
		after = recordRoot + after + "/"
	}
	for {
		prefixes, more, err := s.Bucket.ListFolders(ctx, recordRoot, after)
		if err != nil {
			return fromStore("list owners", err)
		}
		for _, prefix := range prefixes {
			if err := f(prefix[len(recordRoot) : len(prefix)-1]); err != nil {
				return err
			}
		}
		if !more || len(prefixes) == 0 {
			return nil
		}
		after = prefixes[len(prefixes)-1]
	}
}

// Swept is the result of a sweep.
type Swept struct {
	Inspected   int     // imports or uploads
	Listed      int     // those among them that a list showed to need nothing
	Terminated  int     // those that reached a terminal status, or were removed
	Failures    int     // those that could not be inspected and were skipped
	Failed      []error // for the first of these
	Unavailable []error // one for each of which the store was unavailable; the others of its page were inspected
}

// maxFailed limits the errors that a sweep keeps in memory.
const maxFailed = 1000

// Add adds the counts of another sweep, whose unavailable items are skipped.
func (w *Swept) Add(other Swept) {
	w.Inspected += other.Inspected
	w.Listed += other.Listed
	w.Terminated += other.Terminated
	failed := slices.Concat(other.Failed, other.Unavailable)
	w.Failures += len(failed)
	w.Failed = append(w.Failed, failed[:min(len(failed), maxFailed-len(w.Failed))]...)
}

// count adds the result of one item.
func (w *Swept) count(terminated bool, err error) {
	w.Inspected++
	switch {
	case err == nil && terminated:
		w.Terminated++
	case isKind(err, Unavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		w.Unavailable = append(w.Unavailable, err)
	case err != nil && !isKind(err, NotFound): // removed meanwhile
		w.Failed = append(w.Failed, err)
	}
}

// Created selects imports by their time of creation: later than After, up to and including Until.
type Created struct{ After, Until time.Time }

// ExpireOverdue inspects one page of at most limit records of owner's imports, newest first, beginning after the record
// key cursor (any other key: the first page). It inspects the imports of these periods, of which each is older than the
// one before. It records which imports are terminal and removes the data of discarded ones. It returns the cursor of
// the next page, "" if there is none. It may be repeated.
func (s *Service) ExpireOverdue(
	ctx context.Context, owner string, created []Created, cursor string, limit int,
) (w Swept, next string, err error) {
	if len(created) == 0 {
		return w, "", nil
	}
	if !strings.HasPrefix(cursor, recordPrefix(owner)) {
		cursor = recordPrefix(owner) + rankOf(created[0].Until)
	}
	records, more, err := s.Bucket.ListObjects(ctx, recordPrefix(owner), cursor, min(limit, s3limits.MaxListed))
	if err != nil || len(records) == 0 {
		return w, "", fromStore("list imports", err)
	}
	var ids []string
	settled := 0
	for _, r := range records {
		id, ok := recordID(owner, r.Key)
		if !ok {
			continue
		}
		at := idTime(id)
		for len(created) > 0 && !at.After(created[0].After) {
			created = created[1:]
		}
		switch {
		case len(created) == 0:
			more = false
		case at.After(created[0].Until):
		case r.Size > 0 && r.Size%settledUnit == 0:
			settled++
		default:
			ids = append(ids, id)
		}
	}
	if more { // after the last key, or where the next period begins
		next = max(records[len(records)-1].Key, recordPrefix(owner)+rankOf(created[0].Until))
	}
	w = sweep(ids, func(id string) (bool, error) { return s.expireOverdue(ctx, owner, id) })
	w.Inspected, w.Listed = w.Inspected+settled, settled
	return w, next, nil
}

// sweep calls f for each of items, several at a time.
func sweep[T any](items []T, f func(T) (terminated bool, err error)) (w Swept) {
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(maxConcurrentReads)
	for _, item := range items {
		group.Go(func() error {
			terminated, err := f(item)
			mu.Lock()
			defer mu.Unlock()
			w.count(terminated, err)
			return nil
		})
	}
	_ = group.Wait()
	return w
}

// expireOverdue sends one request if there is nothing to do. Terminal imports without an object are inspected again: a
// PUT that began before its URL expired may have stored one since.
func (s *Service) expireOverdue(ctx context.Context, owner, id string) (terminated bool, err error) {
	j, err := s.load(ctx, owner, id)
	if now := s.Now(); err != nil || !j.mayReceive() && (!j.Status.open() || !j.overdue(now) && !j.abandoned(now)) {
		return false, err
	}
	job, err := s.inspect(ctx, owner, id)
	return err == nil && job.Status.IsTerminal() && job.Status != j.Status, err
}

// unrecordedAfter is longer than any call takes between creating a multipart upload and writing its record.
const unrecordedAfter = time.Hour

// AbortOrphans inspects one page of at most limit multipart uploads in progress, beginning after the object key
// cursor ("" for the first page). It aborts those that cannot be resumed: of imports that are overdue or terminal,
// or that have another upload or no record. It returns the cursor of the next page, "" if there is none. It may be
// repeated. The last call for the same uploads was at last.
func (s *Service) AbortOrphans(
	ctx context.Context, last time.Time, cursor string, limit int,
) (w Swept, next string, err error) {
	after := bucket.Multipart{Key: cursor}
	uploads, more, err := s.Bucket.ListUploads(ctx, ObjectRoot, after, min(limit, s3limits.MaxListed))
	if err != nil || len(uploads) == 0 {
		return w, "", fromStore("list uploads", err)
	}
	if more {
		// The cursor is the key alone, because some stores cannot continue after an upload that was aborted
		// meanwhile. Other uploads of the same key are inspected in a later sweep.
		next = uploads[len(uploads)-1].Key
	}
	now, listed := s.Now(), len(uploads)
	uploads = slices.DeleteFunc(uploads, func(u bucket.OpenUpload) bool { return !inspectsUpload(u, last, now) })
	w = sweep(uploads, func(u bucket.OpenUpload) (bool, error) { return s.abortOrphan(ctx, u) })
	w.Inspected, w.Listed = listed, listed-len(uploads)
	return w, next, nil
}

// uploadEvery is the interval at which an upload is inspected that is older. Younger ones are inspected in each sweep.
// An upload may be in progress, or abandoned, for Limits.JobTTL: by default in a thousand sweeps.
const uploadEvery = time.Hour

// inspectsUpload reports whether a sweep at now inspects u, if the one before was at last.
func inspectsUpload(u bucket.OpenUpload, last, now time.Time) bool {
	age := now.Sub(u.Initiated)
	return age < uploadEvery || age/uploadEvery != last.Sub(u.Initiated)/uploadEvery
}

func (s *Service) abortOrphan(ctx context.Context, u bucket.OpenUpload) (aborted bool, err error) {
	owner, id, ok := objectOf(u.Key)
	if !ok {
		return false, nil // not an import
	}
	now := s.Now()
	j, err := s.load(ctx, owner, id)
	switch {
	case err != nil && !isKind(err, NotFound):
		return false, err
	case err != nil, j.Parts == nil, j.Parts.UploadID != u.UploadID:
		// The server stopped before it wrote the record, or a repeated call created another upload.
		if now.Sub(u.Initiated) < unrecordedAfter {
			return false, nil
		}
		return true, fromStore("abort an upload of "+id, s.Bucket.AbortMultipart(ctx, u.Multipart))
	case j.Status.open() && !j.overdue(now) && !j.abandoned(now):
		return false, nil
	}
	job, err := s.inspect(ctx, owner, id)
	if err != nil || job.Status.open() {
		return false, err
	}
	return true, fromStore("abort an upload of "+id, s.Bucket.AbortMultipart(ctx, u.Multipart)) // the object stays
}
