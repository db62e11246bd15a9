package progress

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/signpost-s3/signpost/internal/format"
	"github.com/signpost-s3/signpost/internal/upload"
)

// file is the progress of one file, or of all files. A view may read it at any time.
type file struct {
	name      string
	files     int          // of all files together; 0 for one file
	ended     atomic.Int32 // of these files
	size      atomic.Int64 // bytes; -1 means unknown
	stored    atomic.Int64 // bytes that the store has, or the file of a download
	sending   atomic.Int64 // bytes in flight
	moved     atomic.Int64 // bytes stored in this run
	retries   atomic.Int32
	finishing atomic.Bool // all bytes are stored
	rate      rateEstimate
	download  bool
	stream    bool // can be read only once

	began    time.Time
	id       string
	inParts  bool
	abortErr error // why an import that cannot be resumed remains
}

func (f *file) add(stored, sending int64) {
	f.stored.Add(stored)
	f.sending.Add(sending)
	f.moved.Add(max(stored, 0))
}

func (f *file) displayName() string {
	if f.files > 0 {
		return fmt.Sprintf("%d of %s", f.ended.Load(), format.Count(f.files, "file"))
	}
	return format.Name(f.name)
}

// verb returns what happened to the stored bytes.
func (f *file) verb() string {
	if f.download {
		return "downloaded"
	}
	return "uploaded"
}

// completedLine returns the line of a completed or skipped file.
func (f *file) completedLine(r upload.Result) string {
	if f.download {
		return fmt.Sprintf("downloaded %s as %s (%s)", r.ID, f.displayName(), f.figuresAtEnd(r.Size))
	}
	if r.Skipped {
		return "skipped " + skippedText(f.name, r.ID)
	}
	return fmt.Sprintf("uploaded %s as %s (%s)", f.displayName(), r.ID, f.figuresAtEnd(r.Size))
}

// figuresAtEnd returns the size, and the time and rate of a transfer that ends now.
func (f *file) figuresAtEnd(size int64) string {
	return transferText(size, f.moved.Load(), time.Since(f.began))
}

// transferText returns the size of a transfer and its time and rate, such as "300 MiB in 30s, 10 MiB/s". A short time
// is omitted, and the rate of few bytes: they say nothing about the connection. moved is the bytes of this run.
func transferText(size, moved int64, elapsed time.Duration) string {
	const minMoved = 1 << 20
	text := format.Bytes(size)
	if elapsed >= time.Second || elapsed >= 100*time.Millisecond && moved >= minMoved {
		text += " in " + format.Duration(elapsed)
		if moved >= minMoved {
			text += ", " + format.Rate(float64(moved)/elapsed.Seconds())
		}
	}
	return text
}

// skippedText says why a file is skipped.
func skippedText(path, id string) string {
	return fmt.Sprintf("%s: uploaded before as %s (use --again to upload it again)", format.Name(path), id)
}

// percent rounds down, so that 100 % means that all bytes are stored.
func (f *file) percent() string {
	switch size, stored := f.size.Load(), f.stored.Load(); {
	case size < 0:
		return ""
	case stored >= size:
		return "100 %"
	default:
		return fmt.Sprintf("%d %%", int64(float64(stored)/float64(size)*100))
	}
}

// remaining returns the remaining time at this rate, or "" if it is unknown.
func (f *file) remaining(rate float64) string {
	rest := f.size.Load() - f.stored.Load()
	if f.size.Load() < 0 || rest <= 0 || rate < 1 || float64(rest)/rate > 100*3600 {
		return ""
	}
	return format.Duration(max(time.Second, time.Duration(float64(rest)/rate*1e9).Round(time.Second)))
}

// rateEstimate is an exponential moving average of a rate. It is 0 until the store has received bytes.
type rateEstimate struct {
	began, at time.Time
	moved     int64
	rate      float64 // bytes per second
}

// smoothing is the time constant: after it, an old rate has a weight of 1/e.
const smoothing = 10.0 // seconds

// Between parts the rate does not change, until the line seems to be stalled.
const (
	minUpdate = 500 * time.Millisecond
	stalled   = 20 * time.Second
)

func (p *rateEstimate) update(now time.Time, moved int64) float64 {
	if p.at.IsZero() {
		p.began, p.at, p.moved = now, now, moved
	}
	since := now.Sub(p.at)
	if since < minUpdate || moved == p.moved && since < stalled {
		return p.rate
	}
	passed := since.Seconds()
	weight := max(1-math.Exp(-passed/smoothing), passed/now.Sub(p.began).Seconds())
	p.rate += weight * (float64(moved-p.moved)/passed - p.rate)
	p.at, p.moved = now, moved
	return p.rate
}
