package sweep

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/imports"
)

// lateArrival is how long an upload may take that began just before its URL expired: 5 GiB at 500 kbit/s. S3
// checks the expiry only when a request begins.
const lateArrival = 24 * time.Hour

// ages are the ages at which each import is inspected: when its URL has expired, when its multipart upload has,
// and when no upload can still be in progress.
func (s *Sweeper) ages() [passes]time.Duration {
	l := s.Imports.Limits
	return [passes]time.Duration{l.URLTTL, l.JobTTL, max(l.URLTTL, l.JobTTL) + lateArrival}
}

// sweep inspects the imports that have reached each of the ages, and all multipart uploads in progress. When the
// time before ctx's deadline is up it records its progress and returns without an error; the next sweep continues.
// Each of these tasks has its share of the time, so that none waits for another that never ends. What a task does
// not need the unfinished ones get.
func (s *Sweeper) sweep(ctx context.Context) (r Report, err error) {
	st, err := s.progress(ctx)
	if err != nil {
		return r, err
	}
	w := &walk{Sweeper: s, marks: st.marks, begun: s.Now(), end: workUntil(ctx, cmp.Or(s.margin, deadlineMargin))}
	unfinished, err := w.share(ctx, w.tasks(&r))
	if err == nil && len(unfinished) > 0 {
		unfinished, err = w.share(ctx, unfinished)
	}
	if err != nil {
		return r, err
	}
	if len(unfinished) == 0 {
		w.Looked = w.begun.UTC()
	}
	return r, s.note(ctx, w.marks)
}

// workUntil returns when a sweep must stop to record its progress before ctx's deadline: zero where there is none.
// A context that ends soon leaves three quarters of its time for work.
func workUntil(ctx context.Context, margin time.Duration) time.Time {
	end, ends := ctx.Deadline()
	if !ends {
		return time.Time{}
	}
	return end.Add(-min(margin, time.Until(end)/4))
}

// walk is one sweep's way through the bucket. It records its marks after each page, so that a sweep that is
// interrupted loses at most one page of work.
type walk struct {
	*Sweeper
	marks
	begun time.Time
	end   time.Time // of the time for work; zero: there is no deadline
	steps int       // since the marks were last recorded
}

// task is a part of a sweep that continues from the marks.
type task func(ctx context.Context) error

func (w *walk) tasks(r *Report) (all []task) {
	for n, age := range w.ages() {
		all = append(all, func(ctx context.Context) error { return w.imports(ctx, n, age, &r.Imports) })
	}
	return append(all, func(ctx context.Context) error { return w.uploads(ctx, &r.Uploads) })
}

// share gives each task an equal share of the time that is left, and returns those that it did not suffice for. An
// error of the store ends the task that met it, and no other.
func (w *walk) share(ctx context.Context, tasks []task) (unfinished []task, err error) {
	for n, do := range tasks {
		finished, failed := w.timed(ctx, len(tasks)-n, do)
		if ctx.Err() != nil || errors.Is(failed, ErrLeased) {
			return nil, cmp.Or(failed, ctx.Err())
		}
		if !finished {
			unfinished = append(unfinished, do)
		}
		err = errors.Join(err, failed)
	}
	return unfinished, err
}

// errTimeUp says that the time for a task is up.
var errTimeUp = errors.New("time is up")

// timed calls do with 1/share of the time left, and reports whether it finished. A page that the time did not
// suffice for is inspected again, in a smaller page.
func (w *walk) timed(ctx context.Context, share int, do task) (finished bool, err error) {
	if w.end.IsZero() {
		err = do(ctx)
		return err == nil, err
	}
	left := time.Until(w.end)
	if left <= 0 {
		return false, nil
	}
	limited, cancel := context.WithTimeout(ctx, left/time.Duration(share))
	defer cancel()
	err = do(limited)
	if err == nil || limited.Err() == nil || errors.Is(err, ErrLeased) {
		return err == nil, err
	}
	if !errors.Is(err, errTimeUp) {
		w.Page = smaller(w.Page)
	}
	return false, nil
}

// imports inspects the imports that have reached the nth age and were not inspected at that age before.
func (w *walk) imports(ctx context.Context, n int, age time.Duration, r *imports.Swept) error {
	c := &w.Cursors[n]
	for until := w.begun.Add(-age).UTC(); until.After(w.Settled[n]); {
		if c.Until.After(until) || !c.Until.After(w.Settled[n]) { // of a clock that was ahead, or none
			*c = cursor{Until: until}
		}
		if err := w.owners(ctx, r, c, imports.Created{After: w.Settled[n], Until: c.Until}); err != nil {
			return err
		}
		w.Settled[n], *c = c.Until, cursor{}
	}
	return nil
}

// owners inspects the imports created in that time, from the cursor on.
func (w *walk) owners(ctx context.Context, r *imports.Swept, c *cursor, created imports.Created) error {
	return w.Imports.Owners(ctx, c.Owner, func(owner string) error {
		for more := true; more; more = c.Record != "" {
			err := w.page(ctx, r, func(size int) (imports.Swept, string, error) {
				return w.Imports.ExpireOverdue(ctx, owner, created, c.Record, size)
			}, func(next string) {
				if c.Record = next; next == "" {
					c.Owner = owner
				}
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
	for more := true; more; more = w.Upload != "" {
		err := w.page(ctx, r, func(size int) (imports.Swept, string, error) {
			return w.Imports.AbortOrphans(ctx, w.Upload, size)
		}, func(next string) { w.Upload = next })
		if err != nil {
			return err
		}
	}
	return nil
}

// inspect inspects one page of at most size items, and returns the cursor of the next.
type inspect func(size int) (swept imports.Swept, next string, err error)

// page inspects one page and moves the cursor, and records the marks once that was a page's worth of work. A page
// with items that the store does not return is inspected again in smaller ones, for the store may be overloaded,
// until a single item is left: that is skipped, because nothing after it would ever be swept otherwise.
func (w *walk) page(ctx context.Context, r *imports.Swept, do inspect, move func(next string)) error {
	for {
		if ctx.Err() != nil {
			return errTimeUp
		}
		if ours, err := w.hold(ctx); err != nil || !ours {
			return cmp.Or(err, ErrLeased)
		}
		size := cmp.Or(w.Page, bucket.MaxListed)
		swept, next, err := do(size)
		incomplete := len(swept.Unavailable) > 0
		if err == nil && incomplete {
			err = ctx.Err() // then that is why
		}
		if err != nil {
			r.Terminated += swept.Terminated
			return err
		}
		if incomplete && size > 1 {
			r.Terminated += swept.Terminated
			w.Page = smaller(size)
			continue
		}
		r.Add(swept)
		move(next)
		if w.steps += 1 + swept.Inspected; w.steps <= size {
			return nil
		}
		w.steps, w.Page = 0, min(2*size, bucket.MaxListed)
		return w.note(ctx, w.marks)
	}
}

// smaller is half of a page's size; 0 stands for the largest.
func smaller(size int) int { return max(cmp.Or(size, bucket.MaxListed)/2, 1) }
