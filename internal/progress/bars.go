package progress

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/signpost-s3/signpost/internal/remedy"
	"github.com/signpost-s3/signpost/internal/terminal"
	"github.com/signpost-s3/signpost/internal/upload"
)

// bars is the view for terminals: a bar for each file in progress, one for all, and completed files above them.
type bars struct {
	*mpb.Progress
	stdout io.Writer
	folded bool     // completed files are counted, and not printed
	all    *mpb.Bar // nil for one file
	bars   map[*file]*mpb.Bar
	notices
}

// maxLines is the most files for which a terminal shows a line each. More would push the rest out of the screen; lines
// for each file are in the output to a pipe or file, and of --json.
const maxLines = 20

func newBars(o Options, all *file) *bars {
	// The bars' cursor movements are not escaped.
	display := mpb.New(mpb.WithOutput(o.Stderr.Writer), mpb.WithRefreshRate(150*time.Millisecond))
	b := &bars{Progress: display, stdout: o.Stdout, bars: map[*file]*mpb.Bar{}, notices: notices{}}
	if terminal.Is(o.Stdout) {
		b.stdout = b // prints above the bars
		b.folded = all.files > maxLines
	}
	if all.files > 1 {
		b.all = b.bar(all, 1<<30)
	}
	return b
}

// bar adds the bar of f. The bar reads f when it is drawn; the library keeps to the terminal's width.
func (b *bars) bar(f *file, priority int) *mpb.Bar {
	var p rateEstimate
	draw := func(w io.Writer, s decor.Statistics) error {
		line := f.line(s.AvailableWidth, p.update(time.Now(), f.moved.Load()))
		_, err := io.WriteString(w, "\r"+terminal.Escape(line))
		return err
	}
	bar, err := b.Add(0, mpb.BarFillerFunc(draw), mpb.BarPriority(priority), mpb.BarFillerTrim())
	if err != nil { // the terminal is closed
		return nil
	}
	return bar
}

// Write prints a line above the bars. It starts with a carriage return, because the terminal may have printed ^C.
func (b *bars) Write(line []byte) (int, error) {
	_, err := b.Progress.Write([]byte("\r" + terminal.Escape(string(line))))
	return len(line), err
}

func (b *bars) begin(f *file) { b.bars[f] = b.bar(f, len(b.bars)) }

func (b *bars) event(f *file, e upload.Event) { b.notices.event(b, f, e) }

func (b *bars) end(f *file, result upload.Result, failure *upload.Error) {
	switch {
	case failure == nil && b.folded:
	case failure == nil:
		fmt.Fprintln(b.stdout, f.completedLine(result))
	case b.all != nil && !errors.Is(failure, errInterrupted):
		fmt.Fprintln(b, "failed "+remedy.Line(failure))
	}
	remove(b.bars[f])
	b.bars[f] = nil
}

func (b *bars) close() {
	remove(b.all)
	b.Wait()
}

func remove(bar *mpb.Bar) {
	if bar != nil {
		bar.Abort(true)
	}
}
