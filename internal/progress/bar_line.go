package progress

import (
	"fmt"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/signpost-s3/signpost/internal/format"
)

// minBarWidth is the least number of columns of a bar.
const minBarWidth = 12

// line returns f in width columns: its name, a bar, and as many figures as fit, the most important first.
func (f *file) line(width int, rate float64) string {
	name := min(30, max(10, width/4))
	left := f.displayName()
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
	if room < minBarWidth {
		return left + right
	}
	room -= minBarWidth
	f.figures(rate, add)
	return left + "  " + f.drawBar(room+minBarWidth-2) + right
}

// figures adds the figures after the bar.
func (f *file) figures(rate float64, add func(text string, columns int)) {
	if rate > 0 {
		add(format.Rate(rate), 11)
	}
	switch n := f.retries.Load(); {
	case n == 1:
		add("1 retry", 10)
	case n > 1:
		add(fmt.Sprintf("%d retries", n), 10)
	}
	if left := f.remaining(rate); f.finishing.Load() {
		add("finishing", 10)
	} else if left != "" {
		add(left+" left", 10)
	}
	if size := f.size.Load(); size < 0 {
		add(format.Bytes(f.stored.Load()), 8)
	} else {
		add(format.Bytes(f.stored.Load())+" of "+format.Bytes(size), 20)
	}
}

// drawBar returns the bar: = for bytes that the store has, - for bytes in flight. It is empty if the size is unknown.
func (f *file) drawBar(columns int) string {
	inside := columns - 2
	share := func(bytes int64) int {
		switch size := f.size.Load(); {
		case size < 0:
			return 0
		case size == 0:
			return inside
		default:
			return int(float64(inside) * min(1, max(0, float64(bytes)/float64(size))))
		}
	}
	stored := share(f.stored.Load())
	begun := max(stored, share(f.stored.Load()+f.sending.Load()))
	return "[" + strings.Repeat("=", stored) + strings.Repeat("-", begun-stored) + strings.Repeat(" ", inside-begun) + "]"
}
