package imports

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// This file is persistence: records are read and replaced with conditional writes.

// load reads the record of a job.
func (s *Service) load(ctx context.Context, owner, id string) (Job, error) {
	if !isCanonicalID(id) {
		return Job{}, notFound(id)
	}
	return decode(owner, id, func() (bucket.Record, error) { return s.Bucket.ReadRecord(ctx, recordKey(owner, id)) })
}

// decode returns the job of the record that read returns.
func decode(owner, id string, read func() (bucket.Record, error)) (Job, error) {
	record, err := read()
	if errors.Is(err, bucket.ErrNotFound) {
		return Job{}, notFound(id)
	}
	if err != nil {
		return Job{}, fromStore("read import "+id, err)
	}
	j := Job{recordETag: record.ETag}
	if err := json.Unmarshal(bytes.TrimRight(record.Body, " "), &j); err != nil {
		return Job{}, fmt.Errorf("read import %s: %w", id, err)
	}
	if !j.valid(owner, id) {
		return Job{}, fmt.Errorf("read import %s: the record was not written by this service", id)
	}
	return j, nil
}

// store replaces the record of j with next, unless both are equal. It publishes the change first if it is an event. It
// returns bucket.ErrChanged if another server replaced the record meanwhile.
func (s *Service) store(ctx context.Context, j, next Job) (Job, error) {
	if next.sameRecord(j) {
		next.recordETag = j.recordETag
		return next, nil
	}
	next, recorded, err := s.publish(ctx, j, next)
	if err != nil {
		return Job{}, err
	}
	body, err := next.record()
	if err != nil {
		return Job{}, fmt.Errorf("record import %s: %w", j.ID, err)
	}
	next.recordETag, err = s.Bucket.ReplaceRecord(ctx, recordKey(j.Owner, j.ID), j.recordETag, body)
	if errors.Is(err, bucket.ErrNotFound) {
		return Job{}, notFound(j.ID) // a lifecycle rule removed it in between
	}
	if err != nil {
		return Job{}, fromStore("record import "+j.ID, err)
	}
	recorded()
	s.Waiters.Notify(j.Owner, j.ID)
	return next, nil
}

// settledUnit marks the records of settled jobs: their size in bytes is a multiple of it, and that of no other record
// is. A list of records contains their sizes, so a sweep finds in it that a job is settled, for a thousandth of a call.
// Versions that did not mark records have written a multiple only for an open job whose names and metadata fill exactly
// 4,096 bytes.
const settledUnit = 4096

// record returns the record of j.
func (j Job) record() ([]byte, error) {
	body, err := json.Marshal(j)
	spaces, rest := 0, len(body)%settledUnit
	switch {
	case rest > 0 && j.settled():
		spaces = settledUnit - rest
	case rest == 0 && !j.settled():
		spaces = 1
	}
	return append(body, bytes.Repeat([]byte(" "), spaces)...), err
}

// storeOrFree is store for a job whose data is to be removed. If the store is full, it calls free, which removes the
// data, and tries again.
func (s *Service) storeOrFree(
	ctx context.Context, j, next Job, free func(context.Context, Job) error,
) (Job, error) {
	written, err := s.store(ctx, j, next)
	if !isKind(err, Full) {
		return written, err
	}
	if err := free(ctx, next); err != nil {
		return Job{}, err
	}
	return s.store(ctx, j, next)
}

// maxConflicts limits how often a call starts again because another server replaced the record. Each replacement moves
// the job forward, which can happen only a few times.
const maxConflicts = 10

// update loads a job and calls f with it, and again if another server replaced the record meanwhile.
func (s *Service) update(ctx context.Context, owner, id string, f func(Job) (Job, error)) (Job, error) {
	return retry(id, func() (Job, error) {
		j, err := s.load(ctx, owner, id)
		if err != nil {
			return Job{}, err
		}
		return f(j)
	})
}

// retry calls f until it returns another error than bucket.ErrChanged.
func retry[T any](id string, f func() (T, error)) (T, error) {
	for range maxConflicts {
		result, err := f()
		if !errors.Is(err, bucket.ErrChanged) {
			return result, err
		}
	}
	var none T
	return none, &Error{
		Kind: Unavailable, Code: CodeStoreUnavailable, Detail: "Other requests change the import at the same time. Try again.",
		Cause: fmt.Errorf("import %s: %d conflicts", id, maxConflicts),
	}
}

// sameRecord reports whether j and k have the same record.
func (j Job) sameRecord(k Job) bool {
	a, errA := json.Marshal(j)
	b, errB := json.Marshal(k)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// valid reports whether j is a record that the service wrote for this import. Other clients of the store may have
// written it, or copied it from another key.
func (j Job) valid(owner, id string) bool {
	known := func(algorithm string) bool { return digests[algorithm].size > 0 }
	switch {
	case j.ID != id || j.Owner != owner:
		return false
	case !slices.Contains([]Status{AwaitingUpload, Uploading, Completed, Failed, Expired, Aborted}, j.Status):
		return false
	case !slices.Contains([]Mode{Single, Form, Multipart}, j.Mode) || (j.Mode == Multipart) != (j.Parts != nil):
		return false
	case (j.Status == Failed) != (j.Failure != nil):
		return false
	case j.Failure != nil && !slices.Contains(jobFailures, j.Failure.Code):
		return false
	case j.Checksum != nil && !known(j.Checksum.Algorithm):
		return false
	case j.Parts != nil && j.Parts.Failure != nil && !slices.Contains(completionFailures, j.Parts.Failure.Code):
		return false
	case j.Parts != nil && (j.Parts.PartSize <= 0 || j.Parts.Algorithm != "" && !known(j.Parts.Algorithm)):
		return false
	}
	return true
}
