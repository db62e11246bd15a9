// Package progress shows the progress and the results of uploads and downloads: as bars in a terminal, as lines in
// a log, or as JSON.
package progress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/signpost-s3/signpost/internal/terminal"
	"github.com/signpost-s3/signpost/internal/upload"
)

// view shows progress to the user. Its methods are never called concurrently.
type view interface {
	begin(f *file)
	event(f *file, e upload.Event)
	end(f *file, result upload.Result, failure *upload.Error)
	close()
}

// Options say how progress is shown. Only one of Quiet and JSON is set.
type Options struct {
	Stdout, Stderr terminal.Writer
	Quiet          bool // print errors only
	JSON           bool // print one event per line
	Dumb           bool // the terminal cannot move its cursor
	Download       bool // files are downloaded
}

// Progress collects the events and results of all files, and passes them to a view.
type Progress struct {
	view
	options Options

	mu          sync.Mutex
	files       map[string]*file
	resumable   int // files that are not uploaded, and no streams
	all         *file
	uploaded    int
	skipped     int
	bytes       int64
	failures    []*upload.Error
	interrupted []*file
	draining    bool
}

// New returns the progress of files with these sizes in bytes, -1 if unknown, and of others that cannot be opened.
func New(o Options, sizes map[string]int64, others int) *Progress {
	all := &file{files: len(sizes) + others, download: o.Download, began: time.Now()}
	p := &Progress{options: o, files: map[string]*file{}, all: all}
	for path, size := range sizes {
		f := &file{name: path, download: o.Download}
		f.size.Store(size)
		p.files[path] = f
		all.size.Add(max(size, 0))
		if f.stream = size < 0; !f.stream {
			p.resumable++
		}
	}
	single := len(sizes) < 2
	switch {
	case o.Quiet:
		p.view = silent{}
	case o.JSON:
		p.view = newJSONLines(o.Stdout)
	case terminal.Is(o.Stderr) && !o.Dumb:
		p.view = newBars(o, all)
	default:
		p.view = newLines(o, all, single)
	}
	return p
}

// Begin records that the upload of a file begins.
func (p *Progress) Begin(path string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.files[path]
	f.began = time.Now()
	p.view.begin(f)
}

// OnEvent receives the uploader's events.
func (p *Progress) OnEvent(e upload.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.files[e.File]
	if e.ID != "" {
		f.id = e.ID
	}
	f.inParts = f.inParts || e.Part > 0 || e.Kind == upload.Resumed
	switch e.Kind {
	case upload.Started: // the size of a short stream is known now; that of a file which is sent as a stream was wrong
		p.all.size.Add(max(e.Total, 0) - max(f.size.Load(), 0))
		f.size.Store(e.Total)
		f.finishing.Store(false) // the store lost parts
	case upload.Resumed:
		f.stored.Add(e.Bytes)
		p.all.stored.Add(e.Bytes)
	case upload.Progress:
		f.add(e.Bytes, e.Sending)
		p.all.add(e.Bytes, e.Sending)
		if f.size.Load() < 0 {
			p.all.size.Add(e.Bytes)
		}
	case upload.Retrying:
		f.retries.Add(1)
		p.all.retries.Add(1)
	case upload.Finishing:
		f.finishing.Store(true)
	case upload.Draining:
		if p.draining {
			return
		}
		p.draining = true // reported once for all files
	case upload.Completed:
		return // reported by End
	}
	p.view.event(f, e)
}

// errInterrupted replaces the errors of files after a signal.
var errInterrupted = errors.New("interrupted")

// End records the result of a file. ctx has ended if the upload was interrupted.
func (p *Progress) End(ctx context.Context, path string, result upload.Result, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.files[path]
	if f == nil { // it could not be opened
		f = &file{name: path}
	}
	var failure *upload.Error
	if err != nil && !errors.As(err, &failure) {
		failure = &upload.Error{File: path, Step: "upload", Err: err}
	}
	switch {
	case failure != nil && ctx.Err() != nil:
		f.abortErr = failure.AbortErr
		p.interrupted = append(p.interrupted, f)
		failure.Err, failure.Attempts = errInterrupted, 0
	case failure != nil:
		p.failures = append(p.failures, failure)
		p.all.size.Add(f.stored.Load() - max(f.size.Load(), 0))
	case result.Skipped:
		p.skipped++
		p.all.stored.Add(result.Size)
	default:
		if f.download { // the size may have been unknown
			result.Size = f.stored.Load()
		}
		p.uploaded++
		p.bytes += result.Size
	}
	if failure == nil && !f.stream {
		p.resumable--
	}
	p.all.ended.Add(1)
	p.view.end(f, result, failure)
}

// silent is the view of --quiet.
type silent struct{}

func (silent) begin(*file)                             {}
func (silent) event(*file, upload.Event)               {}
func (silent) end(*file, upload.Result, *upload.Error) {}
func (silent) close()                                  {}

// retryReportInterval is the shortest time between retry lines of a file.
const retryReportInterval = 5 * time.Second

// notices prints lines about retries and an interrupt. It holds the time of the last retry line of each file.
type notices map[*file]time.Time

func (r notices) event(w io.Writer, f *file, e upload.Event) {
	if e.Kind == upload.Draining {
		fmt.Fprintln(w, "interrupted: finishing the parts in progress, for at most 5s; press Ctrl-C again to stop at once")
	}
	now := time.Now()
	if e.Kind != upload.Retrying || now.Sub(r[f]) < retryReportInterval {
		return
	}
	r[f] = now
	what := f.displayName()
	if e.Part > 0 {
		what += fmt.Sprintf(", part %d", e.Part)
	}
	fmt.Fprintf(w, "retrying %s: %v\n", what, e.Error)
}

// ticker calls a function at intervals.
type ticker struct {
	stop    chan struct{}
	stopped sync.WaitGroup
}

func (t *ticker) start(interval time.Duration, report func(now time.Time)) {
	t.stop = make(chan struct{})
	t.stopped.Go(func() {
		ticks := time.NewTicker(interval)
		defer ticks.Stop()
		for {
			select {
			case <-t.stop:
				return
			case now := <-ticks.C:
				report(now)
			}
		}
	})
}

func (t *ticker) close() {
	close(t.stop)
	t.stopped.Wait()
}
