package imports

import "context"

// Delete aborts an import, or removes a completed one: parts, object and declared values. A record with the status Aborted stays. It may
// be repeated, and whatever else happens to the import at the same time, it ends aborted.
//
// The record is written first. A completion in progress then finds it changed and removes the object that it made; if the server
// stops in between, a repeated Delete, a read or a sweep removes the rest. If the store is too full for the record, the data is removed
// first: that makes room for it.
func (s *Service) Delete(ctx context.Context, owner, id string) error {
	_, err := retry(id, func() (Job, error) {
		j, err := s.load(ctx, owner, id)
		if err != nil {
			return Job{}, err
		}
		next := Job{
			ID: j.ID, Owner: j.Owner, Status: Aborted, Mode: j.Mode, Parts: j.Parts, CreatedAt: j.CreatedAt, Deadline: j.Deadline, Webhook: j.Webhook,
			EventID: j.EventID, PreviousEventIDs: j.PreviousEventIDs, Fence: j.Fence,
		}
		if _, err := s.storeOrFree(ctx, j, next, s.free); err != nil {
			return Job{}, err
		}
		return next, s.free(ctx, next)
	})
	return err
}

// storeOrFree is store for a job whose data is to be removed. If the store is full, it removes the data with free and tries again.
func (s *Service) storeOrFree(ctx context.Context, j stored, next Job, free func(context.Context, Job) error) (stored, error) {
	kept, err := s.store(ctx, j, next)
	if !isKind(err, Full) {
		return kept, err
	}
	if err := free(ctx, next); err != nil {
		return stored{}, err
	}
	return s.store(ctx, j, next)
}
