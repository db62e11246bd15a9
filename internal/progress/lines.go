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
	notices
	stop    chan struct{}
	stopped sync.WaitGroup
}

// reportInterval is the time between progress lines.
const reportInterval = 10 * time.Second

func newLines(o Options, all *file, single bool) *lines {
	l := &lines{
		stdout: o.Stdout, stderr: o.Stderr, all: all, single: single, notices: notices{}, stop: make(chan struct{}),
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
		fmt.Fprintln(l.stderr, l.all.report(rate))
	}
}

// report returns the line that reports the progress of f.
func (f *file) report(rate float64) string {
	text, left := format.Bytes(f.stored.Load())+" "+f.verb(), f.remaining(rate)
	if left != "" {
		text = fmt.Sprintf("%s of %s %s (%s)",
			format.Bytes(f.stored.Load()), format.Bytes(f.size.Load()), f.verb(), f.percent())
	}
	if sending := f.sending.Load(); sending > 0 {
		text += fmt.Sprintf(", %s in flight", format.Bytes(sending))
	}
	if rate > 0 {
		text += ", " + format.Rate(rate)
	}
	if left != "" {
		text += ", " + left + " left"
	}
	return text
}

func (l *lines) event(f *file, e upload.Event) {
	if e.Kind == upload.Resumed {
		fmt.Fprintf(l.stderr, "resumed %s: %s of %s already %s\n",
			f.displayName(), format.Bytes(e.Bytes), format.Bytes(e.Total), f.verb())
	}
	l.notices.event(l.stderr, f, e)
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
