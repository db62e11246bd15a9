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

// bars is the view of a terminal: a bar for each file that is on its way, one for all, and above them what is done.
type bars struct {
	*mpb.Progress
	stdout io.Writer
	all    *mpb.Bar // nil where there is but one file
	bars   map[*file]*mpb.Bar
	retries
}

func newBars(i *invocation, p *progress) *bars {
	b := &bars{Progress: mpb.New(mpb.WithOutput(i.raw.stderr), mpb.WithRefreshRate(150*time.Millisecond)), stdout: i.stdout, bars: map[*file]*mpb.Bar{}, retries: retries{}}
	if terminal.Is(i.stdout) {
		b.stdout = b // the bars make room for it
	}
	if len(p.files) > 1 {
		b.all = b.bar(p.all, 1<<30)
	}
	return b
}

// bar adds f's. The file itself is what is counted in: the library draws, and keeps to the terminal's width.
func (b *bars) bar(f *file, priority int) *mpb.Bar {
	var p rateEstimate
	draw := func(w io.Writer, s decor.Statistics) error {
		_, err := io.WriteString(w, "\r"+terminal.Escape(f.line(s.AvailableWidth, p.update(time.Now(), f.moved.Load()))))
		return err
	}
	bar, err := b.Add(0, mpb.BarFillerFunc(draw), mpb.BarPriority(priority), mpb.BarFillerTrim())
	if err != nil { // the terminal is gone
		return nil
	}
	return bar
}

// Write puts a line above the bars. It begins at the left even where the terminal has just shown a ^C, as the bars do.
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

// line is f in width columns: its name, a bar, and of the figures, the most important first, as many as there is room for.
func (f *file) line(width int, rate float64) string {
	width-- // some terminals wrap after the last column
	name := min(30, max(10, width/4))
	left := displayName(f.name)
	if over := runewidth.StringWidth(left) - name; over > 0 { // what tells files apart is at the end
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
	const bar = 12 // columns, which the bar keeps in any case
	room -= bar
	f.figures(rate, add)
	return left + "  " + f.drawBar(room+bar-2) + right
}

// figures adds what there is to tell beside the bar.
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

// drawn is the bar itself. Of what nobody knows the length of, it stays empty.
func (f *file) drawBar(columns int) string {
	inside, full := columns-2, 0
	if size := f.size.Load(); size > 0 {
		full = int(float64(inside) * min(1, max(0, float64(f.sent.Load())/float64(size))))
	} else if size == 0 {
		full = inside
	}
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", inside-full) + "]"
}
