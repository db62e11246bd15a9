package progress

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/signpost-s3/signpost/internal/format"
	"github.com/signpost-s3/signpost/internal/remedy"
	"github.com/signpost-s3/signpost/internal/upload"
)

// lines is the view for logs: results go to stdout, progress to stderr.
type lines struct {
	silent
	stdout, stderr io.Writer
	all            *file
	single         bool // there is one file
	retries
	stop    chan struct{}
	stopped sync.WaitGroup
}

// reportInterval is the time between progress lines.
const reportInterval = 10 * time.Second

func newLines(o Options, all *file, single bool) *lines {
	l := &lines{
		stdout: o.Stdout, stderr: o.Stderr, all: all, single: single, retries: retries{}, stop: make(chan struct{}),
	}
	l.stopped.Go(l.reportProgress)
	return l
}

func (l *lines) reportProgress() {
	ticker := time.NewTicker(reportInterval)
	defer ticker.Stop()
	var p rateEstimate
	p.update(time.Now(), 0)
	for {
		var rate float64
		select {
		case <-l.stop:
			return
		case now := <-ticker.C:
			rate = p.update(now, l.all.moved.Load())
		}
		_, moved := l.all.words()
		text := fmt.Sprintf("%s %s, %s", format.Bytes(l.all.sent.Load()), moved, format.Rate(rate))
		if left := l.all.remaining(rate); left != "" {
			text = fmt.Sprintf("%s of %s %s (%s), %s, %s left", format.Bytes(l.all.sent.Load()),
				format.Bytes(l.all.size.Load()), moved, l.all.percent(), format.Rate(rate), left)
		}
		fmt.Fprintln(l.stderr, text)
	}
}

func (l *lines) event(f *file, e upload.Event) {
	if e.Kind == upload.Resumed {
		completed, _ := f.words()
		fmt.Fprintf(l.stderr, "resumed %s: %s of %s already %s\n",
			f.displayName(), format.Bytes(e.Bytes), format.Bytes(e.Total), completed)
	}
	l.retries.event(l.stderr, f, e)
}

func (l *lines) end(f *file, result upload.Result, failure *upload.Error) {
	switch {
	case failure == nil:
		fmt.Fprintln(l.stdout, f.completedLine(result))
	case !l.single && !errors.Is(failure, errInterrupted):
		fmt.Fprintln(l.stderr, "failed "+remedy.Line(failure)) // Finish adds the remedy
	}
}

func (l *lines) close() {
	close(l.stop)
	l.stopped.Wait()
}
