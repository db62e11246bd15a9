package imports

import (
	"context"
	"errors"
	"math"
	"strings"

	"golang.org/x/sync/errgroup"
)

const (
	standardPage = 20
	// readers bounds the calls to the store that one list makes at a time.
	readers = 16
)

// Page asks for up to Limit jobs (0: 20) after Cursor (empty: from the newest), those in Status alone where it is not empty.
type Page struct {
	Limit  int
	Cursor string
	Status Status
}

// List returns a page of owner's jobs, newest first, each as the bucket shows it now, and the cursor of the page after it. A page
// costs one listing and a bounded number of calls for each job on it.
func (s *Service) List(ctx context.Context, owner string, p Page) ([]Job, string, error) {
	if owner == Public && !s.AnonymousListing {
		return nil, "", &Error{Kind: Forbidden, Code: CodeListForbidden, Detail: "This service does not list imports to callers it does not know. Read an import by its id."}
	}
	if p.Limit == 0 {
		p.Limit = standardPage
	}
	after := ""
	if p.Cursor != "" {
		after = recordKey(owner, p.Cursor)
	}
	ids, more, err := s.listed(ctx, owner, after, p.Limit)
	if err != nil {
		return nil, "", err
	}
	jobs, err := s.readAll(ctx, owner, ids)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if more {
		next = ids[len(ids)-1]
	}
	var chosen []Job
	for _, j := range jobs {
		if j.ID != "" && (p.Status == "" || j.Status == p.Status) {
			chosen = append(chosen, j)
		}
	}
	return chosen, next, nil
}

// listed returns the ids of the records after the key after, at least one if more says that there are others. What is no record, such
// as the mark of a folder, is passed over.
func (s *Service) listed(ctx context.Context, owner, after string, limit int) (ids []string, more bool, err error) {
	for {
		keys, more, err := s.Bucket.List(ctx, recordPrefix(owner), after, limit)
		if err != nil {
			return nil, false, fromStore("list imports", err)
		}
		for _, key := range keys {
			if id := recordID(key); canonicalID.MatchString(id) && key == recordKey(owner, id) {
				ids = append(ids, id)
			}
		}
		if len(ids) > 0 || !more || len(keys) == 0 {
			return ids, more && len(ids) > 0, nil
		}
		after = keys[len(keys)-1]
	}
}

// readAll reconciles the jobs of ids, but leaves a completion that a dead server began to who reads the job. A record that has
// gone meanwhile leaves a zero Job.
func (s *Service) readAll(ctx context.Context, owner string, ids []string) ([]Job, error) {
	jobs := make([]Job, len(ids))
	now, looker := s.Now(), *s
	looker.CompletionWait = math.MaxInt64
	err := eachOf(ids, func(i int, id string) (err error) {
		jobs[i], err = looker.reconciled(ctx, owner, id, now)
		if isKind(err, NotFound) {
			jobs[i], err = Job{}, nil
		}
		return err
	})
	return jobs, err
}

// eachOf calls f for each of items, several at a time, and returns what went wrong with any.
func eachOf[T any](items []T, f func(int, T) error) error {
	errs := make([]error, len(items))
	var group errgroup.Group
	group.SetLimit(readers)
	for i, item := range items {
		group.Go(func() error {
			errs[i] = f(i, item)
			return nil
		})
	}
	_ = group.Wait()
	return errors.Join(errs...)
}

// recordID is the id in a record's key.
func recordID(key string) string {
	name := key[strings.LastIndexByte(key, '/')+1:]
	_, id, _ := strings.Cut(strings.TrimSuffix(name, ".json"), "-")
	return id
}
