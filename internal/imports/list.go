package imports

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"
)

const (
	// defaultPageSize is the default of Page.Limit.
	defaultPageSize = 20
	// maxConcurrentReads limits the imports that one call reads at a time, with two requests each.
	maxConcurrentReads = 16
)

// Page selects one page of a list.
type Page struct {
	Limit  int    // the maximum number of jobs; 0: 20
	Cursor string // the page begins after this ID; "": with the newest job
	Status Status // only jobs with this status; "": all
}

// List returns one page of owner's jobs, newest first, each as the bucket shows it now, and the cursor of the next
// page. It sends one LIST and a bounded number of requests for each job to the store.
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
	ids, more, err := s.listIDs(ctx, owner, after, p.Limit)
	if err != nil {
		return nil, "", err
	}
	jobs, err := s.inspectAll(ctx, owner, ids)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if more {
		next = ids[len(ids)-1]
	}
	selected := slices.DeleteFunc(jobs, func(j Job) bool { return j.ID == "" || p.Status != "" && j.Status != p.Status })
	return selected, next, nil
}

// listIDs returns the IDs of the records after the key after: at least one if more is true. It skips other objects,
// such as folder markers.
func (s *Service) listIDs(ctx context.Context, owner, after string, limit int) (ids []string, more bool, err error) {
	for {
		keys, more, err := s.Bucket.List(ctx, recordPrefix(owner), after, limit)
		if err != nil {
			return nil, false, fromStore("list imports", err)
		}
		for _, key := range keys {
			if id, ok := recordID(owner, key); ok {
				ids = append(ids, id)
			}
		}
		if len(ids) > 0 || !more || len(keys) == 0 {
			return ids, more && len(ids) > 0, nil
		}
		after = keys[len(keys)-1]
	}
}

// inspectAll inspects the jobs with these IDs. It does not resume stalled completions, which would delay the whole
// list. The Job of a record that was removed meanwhile is zero.
func (s *Service) inspectAll(ctx context.Context, owner string, ids []string) ([]Job, error) {
	jobs := make([]Job, len(ids))
	var reads errgroup.Group
	reads.SetLimit(maxConcurrentReads)
	for i, id := range ids {
		reads.Go(func() (err error) {
			jobs[i], err = s.inspectAtOnce(ctx, owner, id, leaveStalled)
			if isKind(err, NotFound) {
				jobs[i], err = Job{}, nil
			}
			return err
		})
	}
	return jobs, reads.Wait()
}
