package sweep

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// leaseKey is the object that says which server sweeps.
const leaseKey = "sweep/lease.json"

// leaseLife is for how long a server that has the lease keeps it without a word.
const leaseLife = time.Minute

// state is the content of the lease object: who sweeps, and how far sweeps have come.
type state struct {
	Holder string    `json:"holder"` // empty: released
	Until  time.Time `json:"until"`
	marks
}

// passes is how many times each import is inspected: see ages.
const passes = 3

// marks are the progress of sweeps.
type marks struct {
	Settled [passes]time.Time `json:"settled"`          // by age: all imports created until then were inspected
	Looked  time.Time         `json:"looked,omitzero"`  // when the last sweep began that reached its end
	Cursors [passes]cursor    `json:"cursors,omitzero"` // by age: where an unfinished inspection continues
	Upload  string            `json:"upload,omitempty"` // the object key of the last upload inspected
	Page    int               `json:"page,omitempty"`   // items between two records of progress; 0: bucket.MaxListed
}

// cursor is a position in an unfinished inspection of imports.
type cursor struct {
	Until  time.Time `json:"until,omitzero"`   // it inspects imports created until then; zero: none is unfinished
	Owner  string    `json:"owner,omitempty"`  // the last one finished
	Record string    `json:"record,omitempty"` // the key of the last record inspected, of the owner after that
}

// held is what this server knows of the lease object; no etag: nothing.
type held struct {
	state
	etag string
}

// hold takes the lease for this server, or keeps it, and reports whether it has it. Of servers that try at once, one succeeds: the store's
// conditional writes decide. Their clocks should agree to some seconds; if they do not, two may sweep at once, which does no harm.
func (s *Sweeper) hold(ctx context.Context) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.holdLocked(ctx)
}

// holdLocked is hold for who has s.mu. After a true one, s.lease is what the store has.
func (s *Sweeper) holdLocked(ctx context.Context) (bool, error) {
	now := s.Now()
	if !s.leads() {
		var err error
		if s.lease, err = s.readLease(ctx); err != nil {
			return false, err
		}
	}
	switch left := s.lease.Until.Sub(now); {
	case s.lease.Holder == s.Holder && left > leaseLife/2:
		return true, nil
	case s.lease.Holder != s.Holder && left > 0 && left <= 2*leaseLife: // one of a clock that is far ahead would never end
		return false, nil
	}
	next := s.lease.state
	if next.Holder != "" && next.Holder != s.Holder { // it stopped without releasing the lease: a page took longer than it had
		next.Page = smaller(next.Page)
	}
	next.Holder, next.Until = s.Holder, now.Add(leaseLife).UTC()
	before := s.lease
	ours, err := s.writeLease(ctx, next)
	if errors.Is(err, bucket.ErrStoreFull) { // sweep without a lease: that is what frees space, and two sweeps at once do no harm
		s.lease = before
		return true, nil
	}
	return ours, err
}

// leads reports whether this server has the lease, as far as it knows.
func (s *Sweeper) leads() bool { return s.lease.etag != "" && s.lease.Holder == s.Holder }

// release lets another server take over at once.
func (s *Sweeper) release(ctx context.Context) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.leads() { // or does, by a write of which it has not heard
		if s.lease, err = s.readLease(ctx); err != nil || !s.leads() {
			return err
		}
	}
	next := s.lease.state
	next.Holder, next.Until = "", s.Now().UTC()
	_, err = s.writeLease(ctx, next)
	s.lease = held{}
	return err
}

// progress is how far sweeps have come. ErrLeased: another server has taken over.
func (s *Sweeper) progress(ctx context.Context) (state, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ours, err := s.holdLocked(ctx); err != nil || !ours {
		return state{}, cmp.Or(err, ErrLeased)
	}
	return s.lease.state, nil
}

// note records m. ErrLeased: another server has taken over.
func (s *Sweeper) note(ctx context.Context, m marks) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ours, err := s.holdLocked(ctx)
	if err == nil && ours {
		next := s.lease.state
		next.marks = m
		ours, err = s.writeLease(ctx, next)
	}
	if errors.Is(err, bucket.ErrStoreFull) { // the next sweep begins where this one did
		return nil
	}
	if err == nil && !ours {
		err = ErrLeased
	}
	return err
}

func (s *Sweeper) readLease(ctx context.Context) (held, error) {
	record, err := s.Bucket.ReadRecord(ctx, leaseKey)
	if errors.Is(err, bucket.ErrNotFound) {
		return held{}, nil
	}
	if err != nil {
		return held{}, fmt.Errorf("read the sweeper's lease: %w", err)
	}
	h := held{etag: record.ETag}
	if json.Unmarshal(record.Body, &h.state) != nil {
		h.state = state{} // nobody's: what is to be swept is found anew
	}
	now := s.Now()
	for _, mark := range []*time.Time{&h.Settled[0], &h.Settled[1], &h.Settled[2], &h.Looked} {
		if mark.After(now) { // of a clock that was far ahead: nothing would be swept until then
			*mark = time.Time{}
		}
	}
	h.Page = min(max(h.Page, 0), bucket.MaxListed)
	return h, nil
}

// writeLease reports whether it was written, which it is not where another server was quicker.
func (s *Sweeper) writeLease(ctx context.Context, next state) (bool, error) {
	body, err := json.Marshal(next)
	if err != nil {
		return false, err
	}
	etag := s.lease.etag
	s.lease = held{}
	if etag == "" {
		err = s.Bucket.CreateRecord(ctx, leaseKey, body)
	} else {
		etag, err = s.Bucket.ReplaceRecord(ctx, leaseKey, etag, body)
	}
	switch {
	case errors.Is(err, bucket.ErrNotFound): // somebody removed it
		return false, nil
	case err == nil && etag != "":
		s.lease = held{next, etag}
		return true, nil
	case err == nil, errors.Is(err, bucket.ErrChanged), errors.Is(err, bucket.ErrBusy):
		// By another server, or by this one, whose first try was not answered.
		s.lease, err = s.readLease(ctx)
		return s.leads() && s.lease.Until.Equal(next.Until), err
	}
	return false, fmt.Errorf("write the sweeper's lease: %w", err)
}
