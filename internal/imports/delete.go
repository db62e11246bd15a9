package imports

import "context"

// Delete aborts an import, or removes a completed one: parts, object and declared values. A record with the status
// Aborted stays. It may be repeated; the import is aborted whatever other calls happen at the same time.
//
// The record is written first. A completion in progress then finds it changed and removes the object that it made; if
// the server stops in between, a repeated Delete, a read or a sweep removes the rest. If the store is too full for the
// record, the data is removed first, which makes room for it.
func (s *Service) Delete(ctx context.Context, owner, id string) error {
	_, err := s.update(ctx, owner, id, func(j Job) (Job, error) {
		next := Job{
			ID: j.ID, Owner: j.Owner, Status: Aborted, Mode: j.Mode, Parts: j.Parts,
			CreatedAt: j.CreatedAt, Deadline: j.Deadline,
			Webhook: j.Webhook, EventID: j.EventID, PreviousEventIDs: j.PreviousEventIDs, Fence: j.Fence,
		}
		if _, err := s.storeOrFree(ctx, j, next, s.removeData); err != nil {
			return Job{}, err
		}
		return next, s.removeData(ctx, next)
	})
	return err
}
