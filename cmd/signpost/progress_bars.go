package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/signpost-s3/signpost/internal/terminal"
	engine "github.com/signpost-s3/signpost/internal/upload"
)

// bars is the view for terminals: a bar for each file in progress, one for all, and completed files above them.
type bars struct {
	*mpb.Progress
	stdout io.Writer
	all    *mpb.Bar // nil for one file
	bars   map[*file]*mpb.Bar
	retries
}

func newBars(i *invocation, p *progress) *bars {
	display := mpb.New(mpb.WithOutput(i.raw.stderr), mpb.WithRefreshRate(150*time.Millisecond))
	b := &bars{Progress: display, stdout: i.stdout, bars: map[*file]*mpb.Bar{}, retries: retries{}}
	if terminal.Is(i.stdout) {
		b.stdout = b // prints above the bars
	}
	if len(p.files) > 1 {
		b.all = b.bar(p.all, 1<<30)
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

func (b *bars) event(f *file, e engine.Event) { b.retries.event(b, f, e) }

func (b *bars) end(f *file, result engine.Result, failure *engine.Error) {
	switch {
	case failure == nil:
		fmt.Fprintln(b.stdout, completedLine(f, result))
	case b.all != nil && !errors.Is(failure, errInterrupted):
		fmt.Fprintln(b, "failed "+oneLineError(failure))
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

// line returns f in width columns: its name, a bar, and as many figures as fit, the most important first.
func (f *file) line(width int, rate float64) string {
	width-- // some terminals wrap after the last column
	name := min(30, max(10, width/4))
	left := displayName(f.name)
	if over := runewidth.StringWidth(left) - name; over > 0 { // the end of a name distinguishes files
		left = runewidth.TruncateLeft(left, over+1, "…")
	}
	left = runewidth.FillRight(left, name)
	room := width - name
	right := ""
	add := func(text string, columns int) {
		if columns = max(columns, runewidth.StringWidth(text)); text != "" && room-columns-2 >= 0 {
			right += "  " + runewidth.FillLeft(text, columns)
			room -= columns + 2
		}
	}
	add(f.percent(), 5)
	if room < 12 {
		return left + right
	}
	const bar = 12 // minimum columns of the bar
	room -= bar
	f.figures(rate, add)
	return left + "  " + f.drawBar(room+bar-2) + right
}

// figures adds the figures after the bar.
func (f *file) figures(rate float64, add func(text string, columns int)) {
	add(formatRate(rate), 11)
	if n := f.retries.Load(); n > 0 {
		add(strings.Replace(plural(int64(n), "retry"), "retrys", "retries", 1), 10)
	}
	eta := f.remaining(rate)
	if state := f.state.Load(); state != nil {
		eta = *state
	} else if eta != "" {
		eta += " left"
	}
	add(eta, 10)
	if size := f.size.Load(); size < 0 {
		add(formatBytes(f.sent.Load()), 8)
	} else {
		add(formatBytes(f.sent.Load())+" of "+formatBytes(size), 20)
	}
}

// drawBar returns the bar. It is empty if the size is unknown.
func (f *file) drawBar(columns int) string {
	inside, full := columns-2, 0
	if size := f.size.Load(); size > 0 {
		full = int(float64(inside) * min(1, max(0, float64(f.sent.Load())/float64(size))))
	} else if size == 0 {
		full = inside
	}
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", inside-full) + "]"
}
