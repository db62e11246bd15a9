package imports

import "context"

// Delete aborts an import, or removes a completed one: parts, object and all that was declared. What stays is a record that says
// Aborted. It may be repeated, and whatever else happens to the import at the same time, it ends aborted.
//
// The record is written first. A completion under way then finds it changed and removes what it has made; a server that dies in
// between leaves what a repeated Delete, or reading the import, clears.
func (s *Service) Delete(ctx context.Context, owner, id string) error {
	_, err := retry(id, func() (Job, error) {
		j, err := s.load(ctx, owner, id)
		if err != nil {
			return Job{}, err
		}
		next := Job{
			ID: j.ID, Owner: j.Owner, Status: Aborted, Mode: j.Mode, Parts: j.Parts, CreatedAt: j.CreatedAt, Deadline: j.Deadline, Webhook: j.Webhook,
			News: j.News, Earlier: j.Earlier, Fence: j.Fence,
		}
		if _, err := s.store(ctx, j, next); err != nil {
			return Job{}, err
		}
		return next, s.free(ctx, next)
	})
	return err
}
