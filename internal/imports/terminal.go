package imports

import (
	"context"
	"time"

	"github.com/signpost-s3/signpost/internal/s3limits"
)

// EachTerminal calls f with each terminal import of owner that was created after oldest and whose record was written
// after since, newest import first, and with the time of that write. It returns the time of the last write. It reads
// records only.
func (s *Service) EachTerminal(
	ctx context.Context, owner string, oldest, since time.Time, f func(j Job, written time.Time) error,
) (last time.Time, err error) {
	for after, more := "", true; more; {
		listed, rest, err := s.Bucket.ListObjects(ctx, recordPrefix(owner), after, s3limits.MaxListed)
		if err != nil {
			return last, fromStore("list imports", err)
		}
		more = rest && len(listed) > 0
		for _, record := range listed {
			after = record.Key
			id, ok := recordID(owner, record.Key)
			if !ok {
				continue
			}
			if idTime(id).Before(oldest) {
				return last, nil
			}
			if record.Modified.Before(since) {
				continue
			}
			if record.Modified.After(last) {
				last = record.Modified
			}
			j, err := s.load(ctx, owner, id)
			switch {
			case isKind(err, Unavailable):
				return last, err
			case err != nil || j.Status.open(): // a removed record, or an invalid one, which Read reports
				continue
			}
			if err := f(j.Job, record.Modified); err != nil {
				return last, err
			}
		}
	}
	return last, nil
}
