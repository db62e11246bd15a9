package imports

import (
	"context"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// EachTerminal calls f with each of owner's imports that has ended and whose record was written since then, and when that was, among those that
// were created after oldest; the record of the newest first. It returns when the last record of all was written. It asks for nothing but records.
func (s *Service) EachTerminal(ctx context.Context, owner string, oldest, since time.Time, f func(j Job, written time.Time) error) (last time.Time, err error) {
	for after, more := "", true; more; {
		listed, rest, err := s.Bucket.ListObjects(ctx, recordPrefix(owner), after, bucket.MaxListed)
		if err != nil {
			return last, fromStore("list imports", err)
		}
		more = rest && len(listed) > 0
		for _, record := range listed {
			after = record.Key
			id := recordID(record.Key)
			if !canonicalID.MatchString(id) || record.Key != recordKey(owner, id) {
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
			case err != nil || j.Status.open(): // gone, or not to be understood, which readers are told of
				continue
			}
			if err := f(j.Job, record.Modified); err != nil {
				return last, err
			}
		}
	}
	return last, nil
}
