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
	size      atomic.Int64 // bytes; -1 means unknown
	sent      atomic.Int64 // bytes, without those of failed attempts
	moved     atomic.Int64 // bytes of this run, with those of failed attempts
	retries   atomic.Int32
	finishing atomic.Bool // all bytes are sent
	download  bool

	id       string
	inParts  bool
	abortErr error // why an import that cannot be resumed remains
}

func (f *file) add(sent int64) {
	f.sent.Add(sent)
	f.moved.Add(max(sent, 0))
}

func (f *file) displayName() string { return format.Name(f.name) }

// words returns how the file is called whose bytes arrived, and what happens to its bytes.
func (f *file) words() (completed, moved string) {
	if f.download {
		return "downloaded", "received"
	}
	return "uploaded", "sent"
}

// completedLine returns the line of a completed or skipped file.
func (f *file) completedLine(r upload.Result) string {
	if f.download {
		return fmt.Sprintf("downloaded %s as %s (%s)", r.ID, f.displayName(), format.Bytes(r.Size))
	}
	if r.Skipped {
		return "skipped " + skippedText(f.name, r.ID)
	}
	return fmt.Sprintf("uploaded %s as %s (%s)", f.displayName(), r.ID, format.Bytes(r.Size))
}

// skippedText says why a file is skipped.
func skippedText(path, id string) string {
	return fmt.Sprintf("%s: uploaded before as %s (use --again to upload it again)", format.Name(path), id)
}

// percent rounds down, so that 100 % means that all bytes are sent.
func (f *file) percent() string {
	switch size, sent := f.size.Load(), f.sent.Load(); {
	case size < 0:
		return ""
	case sent >= size:
		return "100 %"
	default:
		return fmt.Sprintf("%d %%", int64(float64(sent)/float64(size)*100))
	}
}

// remaining returns the remaining time at this rate, or "" if it is unknown.
func (f *file) remaining(rate float64) string {
	rest := f.size.Load() - f.sent.Load()
	if f.size.Load() < 0 || rest <= 0 || rate < 1 || float64(rest)/rate > 100*3600 {
		return ""
	}
	return format.Duration(max(time.Second, time.Duration(float64(rest)/rate*1e9).Round(time.Second)))
}

// rateEstimate is an exponential moving average of a rate.
type rateEstimate struct {
	began, at time.Time
	moved     int64
	rate      float64 // bytes per second
}

// smoothing is the time constant: after it, an old rate has a weight of 1/e.
const smoothing = 3.0 // seconds

func (p *rateEstimate) update(now time.Time, moved int64) float64 {
	if p.at.IsZero() {
		p.began, p.at, p.moved = now, now, moved
	}
	passed := now.Sub(p.at).Seconds()
	if passed < 0.1 {
		return p.rate
	}
	weight := max(1-math.Exp(-passed/smoothing), passed/now.Sub(p.began).Seconds())
	p.rate += weight * (float64(moved-p.moved)/passed - p.rate)
	p.at, p.moved = now, moved
	return p.rate
}
