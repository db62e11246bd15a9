package progress

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/signpost-s3/signpost/internal/format"
	"github.com/signpost-s3/signpost/internal/remedy"
	"github.com/signpost-s3/signpost/internal/upload"
)

// lines is the view for logs: results go to stdout, progress to stderr.
type lines struct {
	stdout, stderr io.Writer
	single         bool // there is one file
	notices
	ticker
}

// reportInterval is the time between progress lines.
const reportInterval = 10 * time.Second

func newLines(o Options, all *file, single bool) *lines {
	l := &lines{stdout: o.Stdout, stderr: o.Stderr, single: single, notices: notices{}}
	all.rate.update(time.Now(), 0)
	l.start(reportInterval, func(now time.Time) {
		fmt.Fprintln(l.stderr, all.report(all.rate.update(now, all.moved.Load())))
	})
	return l
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

func (l *lines) begin(*file) {}

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
