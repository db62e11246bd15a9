package sweep

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/s3limits"
)

// lateUpload is the longest duration of an upload that began just before its URL expired: 5 GiB at 500 kbit/s. S3
// checks the expiry only when a request begins.
const lateUpload = 24 * time.Hour

// ages returns the ages at which each import is inspected: when its URL has expired, when its multipart upload has
// expired, and when no upload can still be in progress. Imports that are older than several of them are inspected once.
func (s *Sweeper) ages() [inspections]time.Duration {
	l := s.Imports.Limits
	return [inspections]time.Duration{l.URLTTL, l.JobTTL, max(l.URLTTL, l.JobTTL) + lateUpload}
}

// sweep inspects the imports that have reached each of the ages, and all multipart uploads in progress. Shortly before
// the deadline of ctx it saves its progress and returns without an error, and the next sweep continues. Both tasks get
// an equal share of the time, so that neither waits for one that never finishes. An unfinished task gets the time that
// the other did not use.
func (s *Sweeper) sweep(ctx context.Context, m marks) (r Report, err error) {
	w := &walk{Sweeper: s, marks: m, startedAt: s.Now(), end: workEnd(ctx)}
	unfinished := w.tasks(&r)
	for range 2 {
		if unfinished, err = w.share(ctx, unfinished); err != nil {
			return r, err
		}
	}
	if len(unfinished) == 0 {
		w.SweptAt = w.startedAt.UTC()
	}
	return r, s.saveMarks(ctx, w.marks)
}

// noDeadline is the time that a sweep without a deadline may take.
const noDeadline = 365 * 24 * time.Hour

// workEnd returns the time at which a sweep must stop to save its progress before the deadline of ctx. At most a
// quarter of the time is reserved.
func workEnd(ctx context.Context) time.Time {
	end, ends := ctx.Deadline()
	if !ends {
		return time.Now().Add(noDeadline)
	}
	return end.Add(-min(deadlineMargin, time.Until(end)/4))
}

// walk is one sweep through the bucket. It saves its marks after each page of work, so that an interrupted sweep loses
// at most one page.
type walk struct {
	*Sweeper
	marks
	startedAt time.Time
	end       time.Time // the time at which work stops
	steps     int       // since the marks were saved
}

// task is a part of a sweep. It continues from the marks.
type task func(ctx context.Context) error

func (w *walk) tasks(r *Report) []task {
	return []task{
		func(ctx context.Context) error { return w.imports(ctx, &r.Imports) },
		func(ctx context.Context) error { return w.uploads(ctx, &r.Uploads) },
	}
}

// share runs each task for an equal share of the remaining time, and returns the unfinished ones. An error of the store
// ends only the task that encountered it.
func (w *walk) share(ctx context.Context, tasks []task) (unfinished []task, err error) {
	for n, run := range tasks {
		finished, taskErr := w.timed(ctx, len(tasks)-n, run)
		if ctx.Err() != nil || errors.Is(taskErr, ErrLeased) {
			return nil, cmp.Or(taskErr, ctx.Err())
		}
		if !finished {
			unfinished = append(unfinished, run)
		}
		err = errors.Join(err, taskErr)
	}
	return unfinished, err
}

// errTimeUp means that the time for a task is up.
var errTimeUp = errors.New("time is up")

// timed runs a task for 1/share of the remaining time, and reports whether it finished. A page that takes longer is
// inspected again as a smaller page.
func (w *walk) timed(ctx context.Context, share int, run task) (finished bool, err error) {
	left := time.Until(w.end)
	if left <= 0 {
		return false, nil
	}
	limited, cancel := context.WithTimeout(ctx, left/time.Duration(share))
	defer cancel()
	err = run(limited)
	if err == nil || limited.Err() == nil || errors.Is(err, ErrLeased) {
		return err == nil, err
	}
	if !errors.Is(err, errTimeUp) {
		w.Page = smaller(w.Page)
	}
	return false, nil
}

// imports inspects the imports that have reached an age since they were inspected at that age.
func (w *walk) imports(ctx context.Context, r *imports.Swept) error {
	var until [inspections]time.Time
	for n, age := range w.ages() {
		until[n] = w.startedAt.Add(-age).UTC()
	}
	for finished := false; !finished; {
		if !w.Cursor.isValid(until) {
			w.Cursor = cursor{Until: until}
		}
		if err := w.owners(ctx, r, periods(w.InspectedUntil, w.Cursor.Until)); err != nil {
			return err
		}
		finished = w.Cursor.Until == until // false: it was begun by an earlier sweep
		for n, inspected := range w.Cursor.Until {
			w.InspectedUntil[n] = latest(w.InspectedUntil[n], inspected)
		}
		w.Owners, w.Cursor = w.Cursor.Owners, cursor{}
	}
	return nil
}

// isValid reports whether c was set, and neither by a server whose clock was ahead nor with longer ages.
func (c cursor) isValid(until [inspections]time.Time) bool {
	for n := range until {
		if c.Until[n].IsZero() || c.Until[n].After(until[n]) {
			return false
		}
	}
	return true
}

// periods returns the periods from after[n] to until[n], the latest first. It joins those that meet.
func periods(after, until [inspections]time.Time) (all []imports.Created) {
	for n := range until {
		if until[n].After(after[n]) {
			all = append(all, imports.Created{After: after[n], Until: until[n]})
		}
	}
	slices.SortFunc(all, func(a, b imports.Created) int { return b.Until.Compare(a.Until) })
	joined := all[:0]
	for _, p := range all {
		if last := len(joined) - 1; last >= 0 && !p.Until.Before(joined[last].After) {
			joined[last].After = earliest(joined[last].After, p.After)
			continue
		}
		joined = append(joined, p)
	}
	return joined
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// owners inspects the imports that were created in these periods, from the cursor on.
func (w *walk) owners(ctx context.Context, r *imports.Swept, created []imports.Created) error {
	c := &w.Cursor
	return w.Imports.Owners(ctx, c.Owner, func(owner string) error {
		for more := true; more; more = c.Record != "" {
			err := w.page(ctx, r, func(size int) (imports.Swept, string, error) {
				return w.Imports.ExpireOverdue(ctx, owner, created, c.Record, size)
			}, func(next string) {
				if c.Record = next; next == "" {
					c.Owner, c.Owners = owner, c.Owners+1
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
			return w.Imports.AbortOrphans(ctx, w.SweptAt, w.Upload, size)
		}, func(next string) { w.Upload = next })
		if err != nil {
			return err
		}
	}
	return nil
}

// listedInStep is the number of listed items that take as long as one that is read.
const listedInStep = 20

// page inspects a page and moves the cursor: inspect inspects at most size items and returns the cursor of the next
// page. It saves the marks after each page's worth of work. If the store does not return some items, it may be
// overloaded, so page tries again with smaller pages. A single item that the store does not return is skipped, because
// otherwise the items after it would never be inspected.
func (w *walk) page(
	ctx context.Context, r *imports.Swept,
	inspect func(size int) (swept imports.Swept, next string, err error), move func(next string),
) error {
	for {
		if ctx.Err() != nil {
			return errTimeUp
		}
		if _, err := w.acquire(ctx); err != nil {
			return err
		}
		size := cmp.Or(w.Page, s3limits.MaxListed)
		swept, next, err := inspect(size)
		incomplete := len(swept.Unavailable) > 0
		if err == nil && incomplete {
			err = ctx.Err()
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
		if w.steps += 1 + swept.Inspected - swept.Listed + swept.Listed/listedInStep; w.steps <= size {
			return nil
		}
		w.steps, w.Page = 0, min(2*size, s3limits.MaxListed)
		return w.saveMarks(ctx, w.marks)
	}
}

// smaller returns half of a page size. The size 0 stands for s3limits.MaxListed.
func smaller(size int) int { return max(cmp.Or(size, s3limits.MaxListed)/2, 1) }
