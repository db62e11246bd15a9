package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/s3limits"
)

// leaseKey is the key of the lease object.
const leaseKey = "sweep/lease.json"

// leaseDuration is the time after which a lease expires that is not renewed.
const leaseDuration = time.Minute

// state is the content of the lease object: the holder of the lease and the progress of sweeps.
type state struct {
	Holder string    `json:"holder"` // empty if released
	Until  time.Time `json:"until"`
	marks
}

// inspections is the number of times that each import is inspected: see ages.
const inspections = 3

// marks are the progress of sweeps.
type marks struct {
	InspectedUntil [inspections]time.Time `json:"settled"`          // by age: imports created until then are done
	SweptAt        time.Time              `json:"looked,omitzero"`  // the start of the last finished sweep
	Owners         int                    `json:"owners,omitempty"` // that the last finished sweep inspected
	Cursor         cursor                 `json:"cursor,omitzero"`  // the position of an unfinished inspection of imports
	Upload         string                 `json:"upload,omitempty"` // the object key of the last upload inspected
	Page           int                    `json:"page,omitempty"`   // items between two saves; 0: s3limits.MaxListed
}

// isDue reports whether a sweep is due.
func (m marks) isDue(now time.Time) bool {
	interval := min(max(sweepEvery, time.Duration(m.Owners)*timePerOwner), maxSweepEvery)
	return !m.SweptAt.Add(interval - dueMargin).After(now)
}

// cursor is a position in an unfinished inspection of imports.
type cursor struct {
	Until  [inspections]time.Time `json:"until"`            // by age: inspects imports created until then
	Owner  string                 `json:"owner,omitempty"`  // the last finished owner
	Owners int                    `json:"owners,omitempty"` // the number of finished owners
	Record string                 `json:"record,omitempty"` // the next page of the next owner, for imports.ExpireOverdue
}

// storedLease is the lease object as this server last read or wrote it. The ETag is empty if it is unknown.
type storedLease struct {
	state
	etag string
}

// hasLease reports whether this server had the lease when it last read or wrote it.
func (s *Sweeper) hasLease() bool { return s.lease.etag != "" && s.lease.Holder == s.Holder }

// acquire acquires or renews the lease and returns its content, or ErrLeased if another server has it. If several
// servers try at once, the conditional writes of the store let one succeed. If their clocks differ by more than a few
// seconds, two may sweep at once, which does no harm.
func (s *Sweeper) acquire(ctx context.Context) (state, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.acquireLocked(ctx)
	return s.lease.state, err
}

// acquireLocked is acquire for callers that have locked s.mu. It updates s.lease.
func (s *Sweeper) acquireLocked(ctx context.Context) error {
	now := s.Now()
	if !s.hasLease() {
		var err error
		if s.lease, err = s.readLease(ctx); err != nil {
			return err
		}
	}
	switch left := s.lease.Until.Sub(now); {
	case s.lease.Holder == s.Holder && left > leaseDuration/2:
		return nil
	case s.lease.Holder != s.Holder && left > 0 && left <= 2*leaseDuration: // longer: the clock of the holder is wrong
		return ErrLeased
	}
	before, next := s.lease, s.lease.state
	if next.Holder != "" && next.Holder != s.Holder { // it was killed during a page that took too long
		next.Page = smaller(next.Page)
	}
	next.Holder, next.Until = s.Holder, now.Add(leaseDuration).UTC()
	err := s.writeLease(ctx, next)
	if errors.Is(err, bucket.ErrStoreFull) { // sweep without a lease, to free space
		s.lease = before
		return nil
	}
	return err
}

// release releases the lease, so that another server can acquire it at once.
func (s *Sweeper) release(ctx context.Context) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.hasLease() { // an earlier write may have succeeded without a response
		if s.lease, err = s.readLease(ctx); err != nil || !s.hasLease() {
			return err
		}
	}
	next := s.lease.state
	next.Holder, next.Until = "", s.Now().UTC()
	err = s.writeLease(ctx, next)
	s.lease = storedLease{}
	if errors.Is(err, ErrLeased) {
		return nil
	}
	return err
}

// saveMarks saves m. It returns ErrLeased if another server has the lease.
func (s *Sweeper) saveMarks(ctx context.Context, m marks) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.acquireLocked(ctx)
	if err == nil {
		next := s.lease.state
		next.marks = m
		err = s.writeLease(ctx, next)
	}
	if errors.Is(err, bucket.ErrStoreFull) { // the next sweep repeats this one
		return nil
	}
	return err
}

func (s *Sweeper) readLease(ctx context.Context) (storedLease, error) {
	record, err := s.Bucket.ReadRecord(ctx, leaseKey)
	if errors.Is(err, bucket.ErrNotFound) {
		return storedLease{}, nil
	}
	if err != nil {
		return storedLease{}, fmt.Errorf("read the sweep lease: %w", err)
	}
	h := storedLease{etag: record.ETag}
	if json.Unmarshal(record.Body, &h.state) != nil {
		h.state = state{} // invalid: start from the beginning
	}
	now := s.Now()
	for _, mark := range []*time.Time{&h.InspectedUntil[0], &h.InspectedUntil[1], &h.InspectedUntil[2], &h.SweptAt} {
		if mark.After(now) { // a clock was ahead: imports would not be inspected until then
			*mark = time.Time{}
		}
	}
	h.Page = min(max(h.Page, 0), s3limits.MaxListed)
	return h, nil
}

// writeLease writes the lease. It returns ErrLeased if another server wrote it first.
func (s *Sweeper) writeLease(ctx context.Context, next state) error {
	body, err := json.Marshal(next)
	if err != nil {
		return err
	}
	etag := s.lease.etag
	s.lease = storedLease{}
	if etag == "" {
		err = s.Bucket.CreateRecord(ctx, leaseKey, body)
	} else {
		etag, err = s.Bucket.ReplaceRecord(ctx, leaseKey, etag, body)
	}
	switch {
	case errors.Is(err, bucket.ErrNotFound): // the object was deleted
		return ErrLeased
	case err == nil && etag != "":
		s.lease = storedLease{next, etag}
		return nil
	case err == nil, errors.Is(err, bucket.ErrChanged), errors.Is(err, bucket.ErrBusy):
		// Another server wrote it, or an earlier attempt of this one whose response was lost.
		s.lease, err = s.readLease(ctx)
		if err == nil && (!s.hasLease() || !s.lease.Until.Equal(next.Until)) {
			return ErrLeased
		}
		return err
	}
	return fmt.Errorf("write the sweep lease: %w", err)
}
