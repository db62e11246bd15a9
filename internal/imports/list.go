package imports

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signpost-s3/signpost/internal/bucket"
)

const (
	// defaultPageSize is the default of Page.Limit.
	defaultPageSize = 20
	// maxConcurrentReads limits the imports that one call reads at a time.
	maxConcurrentReads = 16
)

// Page selects one page of a list.
type Page struct {
	Limit  int    // the maximum number of jobs; 0: 20
	Cursor string // the page begins after this ID; "": with the newest job
	Status Status // only jobs with this status; "": all
}

// List returns one page of owner's jobs, newest first, each as the bucket shows it now, and the cursor of the next
// page. It sends two LISTs to the store, and a bounded number of requests for each job that no list of this server
// has shown yet, that changed since, or that receives parts.
func (s *Service) List(ctx context.Context, owner string, p Page) ([]Job, string, error) {
	if owner == Public && !s.AnonymousListing {
		return nil, "", &Error{
			Kind: Forbidden, Code: CodeListForbidden,
			Detail: "Anonymous callers cannot list imports of this service. Read an import by its id.",
		}
	}
	if p.Limit == 0 {
		p.Limit = defaultPageSize
	}
	after := ""
	if p.Cursor != "" {
		after = recordKey(owner, p.Cursor)
	}
	listed, more, err := s.listRecords(ctx, owner, after, p.Limit)
	if err != nil {
		return nil, "", err
	}
	jobs, err := s.inspectAll(ctx, owner, listed)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if more {
		next = listed[len(listed)-1].id
	}
	selected := slices.DeleteFunc(jobs, func(j Job) bool { return j.ID == "" || p.Status != "" && j.Status != p.Status })
	return selected, next, nil
}

// listedRecord is what a list contains about the record of the job id.
type listedRecord struct {
	id     string
	record bucket.ListedObject
}

// listRecords returns the records after the key after: at least one if more is true. It skips other objects, such as
// folder markers.
func (s *Service) listRecords(
	ctx context.Context, owner, after string, limit int,
) (records []listedRecord, more bool, err error) {
	for {
		objects, more, err := s.Bucket.ListObjects(ctx, recordPrefix(owner), after, limit)
		if err != nil {
			return nil, false, fromStore("list imports", err)
		}
		for _, o := range objects {
			if id, ok := recordID(owner, o.Key); ok {
				records = append(records, listedRecord{id, o})
			}
		}
		if len(records) > 0 || !more || len(objects) == 0 {
			return records, more && len(records) > 0, nil
		}
		after = objects[len(objects)-1].Key
	}
}

// inspectAll inspects the jobs of these records. The Job of a record that was removed meanwhile is zero.
func (s *Service) inspectAll(ctx context.Context, owner string, records []listedRecord) ([]Job, error) {
	if len(records) == 0 {
		return nil, nil
	}
	objects, err := s.listObjects(ctx, owner, records)
	if err != nil {
		return nil, err
	}
	jobs := make([]Job, len(records))
	var reads errgroup.Group
	reads.SetLimit(maxConcurrentReads)
	for i, r := range records {
		reads.Go(func() (err error) {
			jobs[i], err = s.inspectListed(ctx, owner, r, objects)
			if isKind(err, NotFound) {
				jobs[i], err = Job{}, nil
			}
			return err
		})
	}
	return jobs, reads.Wait()
}

// listedObjects are the objects with keys up to last, or all of them.
type listedObjects struct {
	byKey map[string]bucket.ListedObject
	last  string
	all   bool
}

// listObjects lists the objects of the jobs of these records, from the oldest on. It lists as many as there are
// records. If there are objects without records between them, the last ones are missing.
func (s *Service) listObjects(ctx context.Context, owner string, records []listedRecord) (listedObjects, error) {
	const timeLength = 13 // of the time in an ID: records of the same millisecond are in another order than objects
	after := objectKey(owner, records[len(records)-1].id[:timeLength])
	objects, more, err := s.Bucket.ListObjects(ctx, objectPrefix(owner), after, len(records))
	if err != nil {
		return listedObjects{}, fromStore("list objects", err)
	}
	listed := listedObjects{byKey: make(map[string]bucket.ListedObject, len(objects)), all: !more}
	for _, o := range objects {
		listed.byKey[o.Key], listed.last = o, o.Key
	}
	return listed, nil
}

// confirm returns j as the list shows it, with ObjectDeleted, and reports whether that is certain without a HEAD: the
// object is the one that was recorded, or there is none. The parts that a discarded job may have received late are
// removed by reads and sweeps, not by lists.
func (l listedObjects) confirm(j Job, now time.Time) (Job, bool) {
	o, exists := l.byKey[j.Key()]
	switch {
	case exists: // one that was replaced by the same bytes is newer, and may be another version
		return j, !j.discarded() && j.Object != nil && j.Object.Size == o.Size && o.HasETag(j.Object.ETag) &&
			!o.LastModified.Truncate(time.Second).After(j.CompletedAt)
	case l.all, j.Key() <= l.last:
		next := j.observe(nil, now)
		return next, next.Status == j.Status
	}
	return j, false
}

// inspectListed inspects a job whose record and then its object were listed. It reads neither if the lists confirm what
// is known. It does not resume a stalled completion, which would delay the whole list.
func (s *Service) inspectListed(ctx context.Context, owner string, r listedRecord, objects listedObjects) (Job, error) {
	j, err := decode(owner, r.id, func() (bucket.Record, error) { return s.Bucket.ReadListedRecord(ctx, r.record) })
	if err != nil {
		return Job{}, err
	}
	next, confirmed := objects.confirm(j, s.Now())
	switch {
	// A record that changed after it was listed may be newer than the list of objects.
	case !confirmed, next.ObjectDeleted && !r.record.HasETag(j.recordETag):
		j, err = s.reconcile(ctx, j, leaveStalled)
	case j.Status.open() && j.Mode == Multipart:
		j, err = s.reconcileParts(ctx, j, leaveStalled)
	default:
		return next, nil
	}
	if errors.Is(err, bucket.ErrChanged) {
		return s.update(ctx, owner, r.id, func(j Job) (Job, error) { return s.reconcile(ctx, j, leaveStalled) })
	}
	return j, err
}
