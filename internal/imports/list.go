package imports

import (
	"context"
	"errors"
	"slices"
	"strings"
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
// page. It sends two LISTs to the store, and a bounded number of requests for each job that is unknown to this server,
// changed since it was recorded, or receives parts.
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
	byID := func(a, b listedRecord) int { return strings.Compare(a.id, b.id) }
	oldest, newest := slices.MinFunc(records, byID).id, slices.MaxFunc(records, byID).id
	objects, err := s.listBetween(ctx, owner, oldest, newest, len(records))
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

// listedObjects are the objects with keys up to last.
type listedObjects struct {
	last  string
	byKey map[string]*bucket.ListedObject
}

// listBetween lists the objects of owner's jobs from the ID oldest to newest: the first ones up to limit, if there are
// objects without records between them.
func (s *Service) listBetween(ctx context.Context, owner, oldest, newest string, limit int) (listedObjects, error) {
	before, last := objectKey(owner, oldest[:len(oldest)-1]), objectKey(owner, newest)
	objects, more, err := s.Bucket.ListObjects(ctx, objectPrefix(owner), before, limit)
	if err != nil {
		return listedObjects{}, fromStore("list objects", err)
	}
	if more && len(objects) > 0 {
		last = objects[len(objects)-1].Key
	}
	found := listedObjects{last, make(map[string]*bucket.ListedObject, len(objects))}
	for i := range objects {
		found.byKey[objects[i].Key] = &objects[i]
	}
	return found, nil
}

// inspectListed inspects a job whose record and then its object were listed. It reads neither if the lists confirm what
// is known. It does not resume a stalled completion, which would delay the whole list.
func (s *Service) inspectListed(ctx context.Context, owner string, r listedRecord, listed listedObjects) (Job, error) {
	record, err := s.Bucket.ReadListedRecord(ctx, r.record)
	j, err := decode(record, err, owner, r.id)
	if err != nil {
		return Job{}, err
	}
	confirmed := j.Key() <= listed.last && j.listedAs(listed.byKey[j.Key()], s.Now())
	switch {
	case confirmed && j.Status.open() && j.Mode == Multipart:
		j, err = s.reconcileParts(ctx, j, leaveStalled)
	case confirmed:
		return j, nil
	default:
		j, err = s.reconcile(ctx, j, leaveStalled)
	}
	if errors.Is(err, bucket.ErrChanged) {
		return s.inspect(ctx, owner, r.id, leaveStalled)
	}
	return j, err
}

// listedAs reports whether a list of objects confirms j: o is the object that was recorded, nil if the list has none.
// The parts that a discarded job may have received late are removed by maintenance, not by lists.
func (j Job) listedAs(o *bucket.ListedObject, now time.Time) bool {
	if o == nil {
		next := j.observe(nil, now)
		return next.Status == j.Status && !next.ObjectDeleted
	}
	return !j.discarded() && j.Object != nil && j.Object.Size == o.Size && o.HasETag(j.Object.ETag)
}
