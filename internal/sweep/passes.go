package sweep

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/imports"
)

// lateArrival is how long an upload may take that began just before its URL expired: 5 GiB at 500 kbit/s. S3 checks the expiry only
// when a request begins.
const lateArrival = 24 * time.Hour

// ages are the ages at which each import is inspected: when its URL has expired, when its multipart upload has, and when no upload
// can still be in progress.
func (s *Sweeper) ages() [passes]time.Duration {
	l := s.Imports.Limits
	return [passes]time.Duration{l.URLTTL, l.JobTTL, max(l.URLTTL, l.JobTTL) + lateArrival}
}

// sweep inspects all imports that have reached one of the ages, then all multipart uploads in progress. When the time before ctx's
// deadline is up it records its progress and returns without an error; the next sweep continues. Imports get half of that time first,
// so that uploads have their share however many imports there are.
func (s *Sweeper) sweep(ctx context.Context) (r Report, err error) {
	st, err := s.progress(ctx)
	if err != nil {
		return r, err
	}
	w := &walk{Sweeper: s, marks: st.marks, begun: s.Now()}
	inspected, err := w.timed(ctx, 2, func(ctx context.Context) error { return w.imports(ctx, &r.Imports) })
	if err != nil {
		return r, err
	}
	aborted, err := w.timed(ctx, 1, func(ctx context.Context) error { return w.uploads(ctx, &r.Uploads) })
	if err == nil && !inspected {
		inspected, err = w.timed(ctx, 1, func(ctx context.Context) error { return w.imports(ctx, &r.Imports) })
	}
	if err != nil || !inspected || !aborted {
		return r, err
	}
	w.marks.Looked = w.begun.UTC()
	return r, s.note(ctx, w.marks)
}

// walk is one sweep's way through the bucket. It records its marks after each page, so that a sweep that is interrupted loses at most
// one page of work.
type walk struct {
	*Sweeper
	marks
	begun time.Time
	steps int // since the marks were last recorded
}

// errTimeUp says that the time for this part of the sweep is up.
var errTimeUp = errors.New("time is up")

// timed calls f with 1/share of the time left before ctx's deadline, and reports whether f finished. A page that the time did not
// suffice for is inspected again, in a smaller page.
func (w *walk) timed(ctx context.Context, share int, f func(context.Context) error) (finished bool, err error) {
	limited, cancel := context.WithCancel(ctx)
	if end, ends := ctx.Deadline(); ends {
		left := time.Until(end) - cmp.Or(w.margin, deadlineMargin)
		limited, cancel = context.WithTimeout(ctx, left/time.Duration(share))
	}
	defer cancel()
	err = f(limited)
	if err == nil || limited.Err() == nil || ctx.Err() != nil {
		return err == nil, err
	}
	if !errors.Is(err, errTimeUp) {
		w.Page = smaller(w.Page)
	}
	return false, w.note(ctx, w.marks)
}

// imports inspects the imports of each age that were not inspected at that age before.
func (w *walk) imports(ctx context.Context, r *imports.Swept) error {
	for n, age := range w.ages() {
		for until := w.begun.Add(-age).UTC(); until.After(w.Settled[n]); {
			if w.Cursor.Until.IsZero() || w.Cursor.Pass != n {
				w.Cursor = cursor{Pass: n, Until: until, Upload: w.Cursor.Upload}
			}
			if err := w.owners(ctx, r, imports.Created{After: w.Settled[n], Until: w.Cursor.Until}); err != nil {
				return err
			}
			w.Settled[n] = w.Cursor.Until
			w.Cursor = cursor{Upload: w.Cursor.Upload}
		}
	}
	return nil
}

// owners inspects the imports created in that time, from the cursor on.
func (w *walk) owners(ctx context.Context, r *imports.Swept, created imports.Created) error {
	return w.Imports.Owners(ctx, w.Cursor.Owner, func(owner string) error {
		for more := true; more; more = w.Cursor.Record != "" {
			err := w.page(ctx, r, func(size int) (imports.Swept, error) {
				swept, next, err := w.Imports.ExpireOverdue(ctx, owner, created, w.Cursor.Record, size)
				if err == nil {
					w.Cursor.Record = next
				}
				if err == nil && next == "" {
					w.Cursor.Owner = owner
				}
				return swept, err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// uploads inspects the multipart uploads in progress, from the cursor on.
func (w *walk) uploads(ctx context.Context, r *imports.Swept) error {
	for more := true; more; more = w.Cursor.Upload != "" {
		err := w.page(ctx, r, func(size int) (imports.Swept, error) {
			swept, next, err := w.Imports.AbortOrphans(ctx, w.Cursor.Upload, size)
			if err == nil {
				w.Cursor.Upload = next
			}
			return swept, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// page has f inspect one page of at most size items and move the cursor, and records the marks once that was a page's worth of work.
func (w *walk) page(ctx context.Context, r *imports.Swept, f func(size int) (imports.Swept, error)) error {
	if ctx.Err() != nil {
		return errTimeUp
	}
	if ours, err := w.hold(ctx); err != nil || !ours {
		return cmp.Or(err, ErrLeased)
	}
	size := cmp.Or(w.Page, bucket.MaxListed)
	swept, err := f(size)
	r.Add(swept)
	if err != nil {
		return err
	}
	if w.steps += 1 + swept.Inspected; w.steps <= size {
		return nil
	}
	w.steps, w.Page = 0, min(2*size, bucket.MaxListed)
	return w.note(ctx, w.marks)
}

// smaller is half of a page's size; 0 stands for the largest.
func smaller(size int) int { return max(cmp.Or(size, bucket.MaxListed)/2, 1) }
