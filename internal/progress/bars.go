package progress

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/signpost-s3/signpost/internal/remedy"
	"github.com/signpost-s3/signpost/internal/terminal"
	"github.com/signpost-s3/signpost/internal/upload"
)

// bars is the view for terminals: a row for each file in progress, one for all, and completed files above them.
type bars struct {
	terminal io.Writer // does not escape the movements of the cursor
	stdout   io.Writer
	many     bool // more files than maxLines
	folded   bool // completed files are counted, and not printed
	notices
	ticker

	mu    sync.Mutex
	files []*file // in progress
	all   []*file // the row of all files, or none for one file
	// rows and columns are those of the last drawing.
	rows, columns int
}

// maxLines is the most files for which a terminal shows a line each. More would push the rest out of the screen; lines
// for each file are in the output to a pipe or file, and of --json.
const maxLines = 20

// drawInterval is the time between two drawings.
const drawInterval = 150 * time.Millisecond

func newBars(o Options, all *file) *bars {
	b := &bars{terminal: o.Stderr.Writer, stdout: o.Stdout, many: all.files > maxLines, notices: notices{}}
	if terminal.Is(o.Stdout) {
		b.stdout = b // prints above the bars
		b.folded = b.many
	}
	if all.files > 1 {
		b.all = []*file{all}
	}
	b.start(drawInterval, func(time.Time) { b.draw("") })
	return b
}

// Write prints lines above the bars.
func (b *bars) Write(lines []byte) (int, error) {
	b.draw(terminal.Escape(string(lines)))
	return len(lines), nil
}

// draw replaces the rows by text and new rows. A terminal that became narrower has wrapped the rows, as tmux and most
// others do: they then take more lines.
func (b *bars) draw(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	columns, lines := terminal.Size(b.terminal)
	used := b.rows * ((b.columns + columns - 1) / columns)
	rows := slices.Concat(b.files, b.all)
	rows = rows[max(0, len(rows)-lines+1):]  // a line feed follows the last row
	b.rows, b.columns = len(rows), columns-1 // some terminals wrap after the last column
	for _, f := range rows {
		text += terminal.Escape(f.line(b.columns, f.rate.update(time.Now(), f.moved.Load()))) + "\n"
	}
	// This erases whole lines, also ^C in the last one. Otherwise tmux regards new rows as wrapped, or keeps the old ones.
	_, _ = io.WriteString(b.terminal, "\r\x1b[2K"+strings.Repeat("\x1b[A\x1b[2K", used)+text)
}

// begin adds a row. Of many files, small ones have none: more of them are in progress than a screen shows.
func (b *bars) begin(f *file) {
	if b.many && f.size.Load() < upload.SmallSize {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files = append(b.files, f)
}

func (b *bars) event(f *file, e upload.Event) { b.notices.event(b, f, e) }

func (b *bars) end(f *file, result upload.Result, failure *upload.Error) {
	b.mu.Lock()
	b.files = slices.DeleteFunc(b.files, func(o *file) bool { return o == f })
	b.mu.Unlock()
	switch {
	case failure == nil && b.folded:
	case failure == nil:
		fmt.Fprintln(b.stdout, f.completedLine(result))
	case len(b.all) > 0 && !errors.Is(failure, errInterrupted):
		fmt.Fprintln(b, "failed "+remedy.Line(failure))
	}
}

func (b *bars) close() {
	b.ticker.close()
	b.files, b.all = nil, nil
	b.draw("")
}
