package imports

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// Nobody may ever read an import again. What follows is for a sweeper, which looks at each when its time has come.

// Owners calls f with each owner who has imports.
func (s *Service) Owners(ctx context.Context, f func(owner string) error) error {
	const root = "jobs/"
	for after := ""; ; {
		prefixes, more, err := s.Bucket.Folders(ctx, root, after)
		if err != nil {
			return fromStore("list owners", err)
		}
		for _, prefix := range prefixes {
			if err := f(prefix[len(root) : len(prefix)-1]); err != nil {
				return err
			}
		}
		if !more || len(prefixes) == 0 {
			return nil
		}
		after = prefixes[len(prefixes)-1]
	}
}

// Swept is what a sweep came to.
type Swept struct {
	Looked int     // at so many imports, or uploads
	Ended  int     // so many of them
	Odd    []error // what could not be understood, and was passed over
}

// add notes what came of one. What keeps the store from answering is an error, any other fault is that one's own.
func (w *Swept) add(ended bool, err error) error {
	w.Looked++
	switch {
	case err == nil && ended:
		w.Ended++
	case isKind(err, Unavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	case err != nil && !isKind(err, NotFound): // gone meanwhile
		w.Odd = append(w.Odd, err)
	}
	return nil
}

// Settle reads the records of owner's imports that were created after from and not after to, and records what became of those whose
// time is over.
func (s *Service) Settle(ctx context.Context, owner string, from, to time.Time) (w Swept, err error) {
	after := recordPrefix(owner) + rankOf(to) // newest first
	for more := true; more; {
		var keys []string
		keys, more, err = s.Bucket.List(ctx, recordPrefix(owner), after, listedAtOnce)
		if err != nil || len(keys) == 0 {
			return w, fromStore("list imports", err)
		}
		after = keys[len(keys)-1]
		var ids []string
		for _, key := range keys {
			id := recordID(key)
			if !canonicalID.MatchString(id) || key != recordKey(owner, id) {
				continue
			}
			if !idTime(id).After(from) {
				more = false
				break
			}
			ids = append(ids, id)
		}
		if err := sweep(&w, ids, func(id string) (bool, error) { return s.settleOne(ctx, owner, id) }); err != nil {
			return w, err
		}
	}
	return w, nil
}

// listedAtOnce is the most that S3 lists in one answer.
const listedAtOnce = 1000

// sweep calls f for each of items, several at a time.
func sweep[T any](w *Swept, items []T, f func(T) (ended bool, err error)) error {
	var mu sync.Mutex
	return eachOf(items, func(_ int, item T) error {
		ended, err := f(item)
		mu.Lock()
		defer mu.Unlock()
		return w.add(ended, err)
	})
}

// settleOne costs one call where there is nothing to do. What expired is looked at again, for a PUT that began in time may have ended since.
func (s *Service) settleOne(ctx context.Context, owner, id string) (ended bool, err error) {
	j, err := s.load(ctx, owner, id)
	late := j.Status == Expired && j.Mode != Multipart
	if now := s.Now(); err != nil || !late && (!j.Status.open() || !j.overdue(now) && !j.abandoned(now)) {
		return false, err
	}
	job, err := s.reconciled(ctx, owner, id, s.Now())
	return err == nil && !job.Status.open() && job.Status != j.Status, err
}

// abandoned reports whether j is being completed by a server that has not been heard of since.
func (j Job) abandoned(now time.Time) bool {
	return j.completing() && now.Sub(j.Parts.Completing) >= abandonedAfter
}

const (
	// abandonedAfter is well beyond the time in which a living server renews its word that it is completing an upload.
	abandonedAfter = 5 * time.Minute
	// unrecordedAfter is longer than any call takes between the beginning of an upload and its record.
	unrecordedAfter = time.Hour
)

// Free looks at all uploads in parts that are under way, and ends those that nobody will go on with: of imports whose time is over,
// that have ended, or that have another upload or no record.
func (s *Service) Free(ctx context.Context) (w Swept, err error) {
	after := bucket.Multipart{}
	for more := true; more; {
		var uploads []bucket.Begun
		uploads, more, err = s.Bucket.Uploads(ctx, ObjectRoot, after)
		if err != nil || len(uploads) == 0 {
			return w, fromStore("list uploads", err)
		}
		// By the key alone, for some stores go on after no upload that is gone, or after none at all. What there is of the last key
		// besides is looked at another time.
		after.Key = uploads[len(uploads)-1].Key
		if err := sweep(&w, uploads, func(u bucket.Begun) (bool, error) { return s.freeUpload(ctx, u) }); err != nil {
			return w, err
		}
	}
	return w, nil
}

func (s *Service) freeUpload(ctx context.Context, u bucket.Begun) (freed bool, err error) {
	owner, id, ok := objectOf(u.Key)
	if !ok {
		return false, nil // somebody else's
	}
	now := s.Now()
	j, err := s.load(ctx, owner, id)
	switch {
	case err != nil && !isKind(err, NotFound):
		return false, err
	case err != nil, j.Parts == nil, j.Parts.UploadID != u.UploadID: // of a server that died before the record, or of a twin
		if now.Sub(u.At) < unrecordedAfter {
			return false, nil
		}
		return true, fromStore("free an upload of "+id, s.Bucket.AbortMultipart(ctx, u.Multipart))
	case j.Status.open() && !j.overdue(now) && !j.abandoned(now):
		return false, nil
	}
	job, err := s.reconciled(ctx, owner, id, now)
	if err != nil || job.Status.open() {
		return false, err
	}
	return true, fromStore("free an upload of "+id, s.Bucket.AbortMultipart(ctx, u.Multipart)) // which an object put beside it leaves
}
