package imports

import (
	"context"
	"slices"
)

// Publish writes an event about job to the outbox before the record of job is written, and returns the event's ID,
// which the record will contain. The caller calls recorded once the record is stored. Several servers may publish the
// same change; the record names one event. EventID is empty if the event has no receiver.
type Publish func(ctx context.Context, job Job) (eventID string, recorded func(), err error)

// isEvent reports whether the change from j to next is an event: next is terminal, and its status or its object is new.
func (j Job) isEvent(next Job) bool {
	return next.Status.IsTerminal() && (next.Status != j.Status || next.etag() != j.etag())
}

// etag returns the ETag of j's object, "" if it has none.
func (j Job) etag() string {
	if j.Object == nil {
		return ""
	}
	return j.Object.ETag
}

// maxPreviousEvents limits the events that a record names besides the last. Each is about an object that was replaced.
const maxPreviousEvents = 20

// publish publishes the change from j to next if it is an event, and returns next with the event's ID.
func (s *Service) publish(ctx context.Context, j, next Job) (Job, func(), error) {
	// Earlier events may be undelivered still, so a record that is rebuilt, as in Delete, keeps their IDs.
	next.EventID, next.PreviousEventIDs = j.EventID, j.PreviousEventIDs
	if !j.isEvent(next) {
		return next, func() {}, nil
	}
	if next.EventID = ""; j.EventID != "" {
		kept := j.PreviousEventIDs[:min(len(j.PreviousEventIDs), maxPreviousEvents-1)]
		next.PreviousEventIDs = append([]string{j.EventID}, kept...)
	}
	if s.Publish == nil {
		return next, func() {}, nil
	}
	eventID, recorded, err := s.Publish(ctx, next)
	if err != nil {
		return Job{}, nil, fromStore("publish event of import "+j.ID, err)
	}
	next.EventID = eventID
	return next, recorded, nil
}

// HandleObjectCreated handles the store's notification that an object was created at key: it inspects the import and
// updates its record. Repeated and late notifications, and keys that belong to no import, change nothing. Only the key
// is used, everything else is read from the bucket. An untracked import has no record, so each notification publishes
// an event.
func (s *Service) HandleObjectCreated(ctx context.Context, key string) error {
	owner, id, ok := objectOf(key)
	if !ok {
		return nil
	}
	s.Waiters.Notify(owner, id)
	_, err := s.inspect(ctx, owner, id)
	if isKind(err, NotFound) {
		return s.publishUntracked(ctx, owner, id)
	}
	return err
}

func (s *Service) publishUntracked(ctx context.Context, owner, id string) error {
	if s.Publish == nil {
		return nil
	}
	untracked := Job{ID: id, Owner: owner, CreatedAt: idTime(id)}
	object, err := s.object(ctx, untracked)
	if err != nil || object == nil {
		return err
	}
	_, recorded, err := s.publish(ctx, untracked, untracked.received(*object))
	if err == nil {
		recorded()
	}
	return err
}

// IsUntracked reports whether j is an import without a record.
func (j Job) IsUntracked() bool { return j.Mode == "" }

// Event identifies a published event about an import, with the state that it reports.
type Event struct {
	ID              string
	Owner, ImportID string
	Status          Status
	ETag            string // of the object, "" if there was none
}

// Verdict is the result of comparing an event with the record of its import.
type Verdict int

// The verdicts on an event.
const (
	// Pending: the server that published the event may still write the record.
	Pending Verdict = iota
	// Confirmed: the record names the event.
	Confirmed
	// Rejected: the event did not happen, or another event reports it.
	Rejected
)

// Confirm compares an event with the record of its import. If final is set, the server that published the event is
// assumed to have stopped: Confirm reconciles the import itself and, if the record still does not name the event,
// fences the record, so that a late write of that server fails. With final the verdict is never Pending.
func (s *Service) Confirm(ctx context.Context, e Event, final bool) (Verdict, error) {
	verdict, err := retry(e.ImportID, func() (Verdict, error) {
		j, err := s.load(ctx, e.Owner, e.ImportID)
		if verdict := j.verdict(e); err != nil || verdict != Pending || !final {
			return verdict, err
		}
		if _, err := s.reconcile(ctx, j, resumeStalled); err != nil {
			return Pending, err
		}
		if j, err = s.load(ctx, e.Owner, e.ImportID); err != nil {
			return Pending, err
		}
		if verdict := j.verdict(e); verdict != Pending {
			return verdict, nil
		}
		fenced := j
		fenced.Fence++
		_, err = s.store(ctx, j, fenced)
		return Rejected, err
	})
	if isKind(err, NotFound) {
		return Rejected, nil
	}
	return verdict, err
}

func (j Job) verdict(e Event) Verdict {
	switch {
	case j.EventID == e.ID, slices.Contains(j.PreviousEventIDs, e.ID):
		return Confirmed
	case j.Status == Aborted: // final: no other event can follow
		return Rejected
	case j.Status == e.Status && j.etag() == e.ETag: // reported by another event
		return Rejected
	}
	return Pending
}
