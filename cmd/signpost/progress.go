package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	engine "github.com/signpost-s3/signpost/internal/upload"
)

// view shows progress to the user. Its methods are never called concurrently.
type view interface {
	begin(f *file)
	event(f *file, e engine.Event)
	end(f *file, result engine.Result, failure *engine.Error)
	close()
}

// file is the progress of one file, or of all files. A view may read it at any time.
type file struct {
	name    string
	size    atomic.Int64 // bytes; -1 means unknown
	sent    atomic.Int64 // bytes, without those of failed attempts
	moved   atomic.Int64 // bytes of this run, with those of failed attempts
	retries atomic.Int32
	state   atomic.Pointer[string] // replaces the remaining time, if set

	id       string
	inParts  bool
	abortErr error // why an import that cannot be resumed remains
}

func (f *file) add(sent int64) {
	f.sent.Add(sent)
	f.moved.Add(max(sent, 0))
}

// progress collects the events and results of all files, and passes them to a view.
type progress struct {
	view

	mu          sync.Mutex
	files       map[string]*file
	all         *file
	began       time.Time
	uploaded    int
	skipped     int
	bytes       int64
	failures    []*engine.Error
	interrupted []*file
}

// newProgress returns the progress of items, and of as many others that cannot be opened.
func newProgress(items []item, others int) *progress {
	all := &file{name: fmt.Sprintf("all %d files", len(items)+others)}
	p := &progress{view: silent{}, files: map[string]*file{}, all: all, began: time.Now()}
	for _, it := range items {
		f := &file{name: it.path}
		f.size.Store(it.size)
		p.files[it.path] = f
		p.all.size.Add(max(it.size, 0))
	}
	return p
}

func (p *progress) begin(it item) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.view.begin(p.files[it.path])
}

// onEvent receives the uploader's events.
func (p *progress) onEvent(e engine.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.files[e.File]
	if e.ID != "" {
		f.id = e.ID
	}
	f.inParts = f.inParts || e.Part > 0 || e.Kind == engine.Resumed
	switch e.Kind {
	case engine.Started:
		if f.size.Load() < 0 && e.Total >= 0 { // a short stream, whose size is known now
			f.size.Store(e.Total)
			p.all.size.Add(e.Total)
		}
	case engine.Resumed:
		f.sent.Add(e.Bytes)
		p.all.sent.Add(e.Bytes)
	case engine.Progress:
		f.add(e.Bytes)
		p.all.add(e.Bytes)
		if f.size.Load() < 0 {
			p.all.size.Add(e.Bytes)
		}
	case engine.Retrying:
		f.retries.Add(1)
		p.all.retries.Add(1)
	case engine.Finishing:
		state := "finishing"
		f.state.Store(&state)
	case engine.Completed:
		return // reported by end
	}
	p.view.event(f, e)
}

// end records the result of a file.
func (p *progress) end(ctx context.Context, path string, result engine.Result, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.files[path]
	if f == nil { // it could not be opened
		f = &file{name: path}
	}
	var failure *engine.Error
	if err != nil && !errors.As(err, &failure) {
		failure = &engine.Error{File: path, Step: "upload", Err: err}
	}
	switch {
	case failure != nil && ctx.Err() != nil:
		f.abortErr = failure.AbortErr
		p.interrupted = append(p.interrupted, f)
		failure.Err, failure.Attempts = errInterrupted, 0
	case failure != nil:
		p.failures = append(p.failures, failure)
		p.all.size.Add(f.sent.Load() - max(f.size.Load(), 0))
	case result.Skipped:
		p.skipped++
		p.all.sent.Add(result.Size)
	default:
		p.uploaded++
		p.bytes += result.Size
	}
	p.view.end(f, result, failure)
}

// errInterrupted replaces the errors of files after a signal.
var errInterrupted = errors.New("interrupted")

// finish closes the view, prints the summary of several files, and returns all errors.
func (p *progress) finish(ctx context.Context, w io.Writer, summary bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.view.close()
	total := len(p.files) + p.countUnopened()
	if summary && total != 1 {
		fmt.Fprintln(w, p.summary())
	}
	switch {
	case ctx.Err() != nil && p.uploaded+p.skipped < total:
		return p.interruptionError(total)
	case len(p.failures) > 0:
		return errors.New(strings.Join(p.explainFailures(), "\n"))
	}
	return nil
}

// countUnopened returns the number of paths that could not be opened.
func (p *progress) countUnopened() (n int) {
	for _, f := range p.failures {
		if p.files[f.File] == nil {
			n++
		}
	}
	return n
}

func (p *progress) explainFailures() (lines []string) {
	for _, f := range p.failures {
		lines = append(lines, explain(f))
	}
	return lines
}

func (p *progress) summary() string {
	elapsed := time.Since(p.began)
	text := fmt.Sprintf("uploaded %s", plural(p.uploaded, "file"))
	if p.uploaded > 0 {
		rate := formatRate(float64(p.all.moved.Load()) / elapsed.Seconds())
		text += fmt.Sprintf(", %s in %s (%s)", formatBytes(p.bytes), formatDuration(elapsed), rate)
	}
	for _, n := range []struct {
		count int
		what  string
	}{{p.skipped, "skipped"}, {len(p.failures), "failed"}, {len(p.interrupted), "interrupted"}} {
		if n.count > 0 {
			text += fmt.Sprintf("; %d %s", n.count, n.what)
		}
	}
	return text
}

// interruptionError returns how to resume or discard the interrupted files.
func (p *progress) interruptionError(total int) error {
	done := fmt.Sprintf("interrupted: %d of %s done", p.uploaded+p.skipped, plural(total, "file"))
	lines := append(p.explainFailures(), done)
	for _, f := range p.interrupted {
		if f.abortErr != nil {
			lines = append(lines, fmt.Sprintf("%s: import %s could not be aborted: %v; %s",
				displayName(f.name), f.id, f.abortErr, abortHint(f.id)))
		} else if f.inParts && f.id != "" && f.size.Load() >= 0 {
			kept := "no part is uploaded"
			if sent := f.sent.Load(); sent > 0 {
				kept = fmt.Sprintf("%s of %s kept", formatBytes(sent), formatBytes(f.size.Load()))
			}
			lines = append(lines, fmt.Sprintf("%s: %s; discard it with signpost abort %s", displayName(f.name), kept, f.id))
		}
	}
	return interruption{strings.Join(append(lines, "  -> run the same command again to resume"), "\n")}
}

// rateEstimate is an exponential moving average of a rate.
type rateEstimate struct {
	began, at time.Time
	moved     int64
	rate      float64 // bytes per second
}

// smoothing is the time constant: after it, an old rate has a weight of 1/e.
const smoothing = 3.0 // seconds

func (p *rateEstimate) update(now time.Time, moved int64) float64 {
	if p.at.IsZero() {
		p.began, p.at, p.moved = now, now, moved
	}
	passed := now.Sub(p.at).Seconds()
	if passed < 0.1 {
		return p.rate
	}
	weight := max(1-math.Exp(-passed/smoothing), passed/now.Sub(p.began).Seconds())
	p.rate += weight * (float64(moved-p.moved)/passed - p.rate)
	p.at, p.moved = now, moved
	return p.rate
}

// remaining returns the remaining time at this rate, or "" if it is unknown.
func (f *file) remaining(rate float64) string {
	rest := f.size.Load() - f.sent.Load()
	if f.size.Load() < 0 || rest <= 0 || rate < 1 || float64(rest)/rate > 100*3600 {
		return ""
	}
	return formatDuration(max(time.Second, time.Duration(float64(rest)/rate*1e9).Round(time.Second)))
}

// percent rounds down, so that 100 % means that all bytes are sent.
func (f *file) percent() string {
	switch size, sent := f.size.Load(), f.sent.Load(); {
	case size < 0:
		return ""
	case sent >= size:
		return "100 %"
	default:
		return fmt.Sprintf("%d %%", int64(float64(sent)/float64(size)*100))
	}
}
