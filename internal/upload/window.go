package upload

import (
	"math"
	"time"
)

const (
	// startWindow is two parts: enough to fill most lines, and little to lose on a slow one.
	startWindow = 2 * defaultPartSize
	// Below fastPace requests are added in any case. Above slowPace they are removed, down to targetPace, unless the line
	// is not the limit. An interrupt waits as long as slowPace for parts in progress, so most are kept.
	fastPace   = 2 * time.Second
	targetPace = 4 * time.Second
	slowPace   = drainTimeout
	// probeInterval is the time after which more requests are tried again.
	probeInterval = time.Minute
	// sharedLine is the least n for which requests share a line, if the pace grows as the n-th power of the load. It is 1
	// if only the line limits them, and 0 if each has its own limit.
	sharedLine = 0.6
	// otherLoad and otherPace are the least ratios of loads and paces that are considered different.
	otherLoad = 1.3
	otherPace = 1.4
)

// window bounds the bytes of the requests in progress, so that parts on a slow line are completed one after another
// rather than all at the end. The pace is the duration of a request; that of more than a part counts in proportion.
//
// Requests that share a line slow each other down: their pace grows with the load. A pace that does not grow is that
// of each connection, as over long distances, and more connections help. Single paces vary, so the window compares the
// means of as many requests as are in progress.
type window struct {
	size     int64 // bytes; a request begins if fewer are in flight
	inFlight int64 // bytes of the requests in progress
	// since is when the present sample began. Requests that began before are not measured.
	since     time.Time
	count     int64 // of requests in the sample
	sum, last sample
	// changed is when the last sample that changed the size ended.
	changed time.Time
}

// sample is the load of some requests, in bytes in flight, and their mean pace in nanoseconds.
type sample struct{ load, pace float64 }

func newWindow(now time.Time) window { return window{size: startWindow, since: now} }

// isFull reports whether a request of size bytes must wait. One is always allowed, and at the start two of any size.
func (w *window) isFull(size int64) bool {
	room := w.size
	if room == startWindow {
		room = max(room, 2*size)
	}
	return w.inFlight > 0 && w.inFlight >= room
}

// measure adjusts the window to a successful request.
func (w *window) measure(size int64, began, now time.Time) {
	if size < SmallSize || began.Before(w.since) {
		return
	}
	pace := float64(now.Sub(began)) * min(1, defaultPartSize/float64(size))
	if pace <= float64(fastPace) {
		w.size += size
		w.count, w.sum, w.last = 0, sample{}, sample{}
		return
	}
	w.count++
	w.sum = sample{max(w.sum.load, float64(w.inFlight)), w.sum.pace + pace}
	if w.count < 2 || w.count*size < min(w.size, w.inFlight) {
		return
	}
	s := sample{w.sum.load, w.sum.pace / float64(w.count)}
	w.adjust(s, float64(size), now)
	w.count, w.sum, w.last, w.since = 0, sample{}, s, now
}

// adjust changes the size after a sample of requests of about this size.
func (w *window) adjust(s sample, size float64, now time.Time) {
	growth := math.Log(s.load / w.last.load)
	compared := w.last.load > 0 && math.Abs(growth) > math.Log(otherLoad)
	next := 2 * s.load
	switch {
	case compared && math.Log(s.pace/w.last.pace)/growth >= sharedLine:
		next = min(s.load, s.load*float64(targetPace)/s.pace)
		if growth > 0 && w.last.pace > float64(targetPace) { // each connection is that slow
			next = max(next, w.last.load)
		}
	case compared:
	case s.pace > float64(slowPace) && s.pace > otherPace*w.last.pace:
		if s.load > size { // fewer requests show whether they share the line, and otherwise two
			next = s.load / 2
		}
	case now.Sub(w.changed) <= probeInterval:
		return
	}
	w.size, w.changed = int64(next), now
}
