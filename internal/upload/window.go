package upload

import "time"

const (
	// startWindow is two parts: enough to fill most lines, and little to lose on a slow one.
	startWindow = 2 * defaultPartSize
	// minMeasured is the least size, in bytes, of a request that is measured. The latency dominates smaller ones.
	minMeasured = 1 << 20
	// Below fastPace requests are added in any case. Above slowPace they are removed, down to targetPace, unless the line
	// is not the limit. An interrupt waits as long as slowPace for parts in progress, so most are kept.
	fastPace   = 2 * time.Second
	targetPace = 4 * time.Second
	slowPace   = drainTimeout
	// probeInterval is the time after which a window that proved too large is tried again.
	probeInterval = time.Minute
	// sameLine is the largest ratio of two paces that are considered equal.
	sameLine = 1.25
)

// window bounds the bytes of the requests in progress, so that parts on a slow line are completed one after another
// rather than all at the end. The pace is the duration of a request; that of more than a part counts in proportion.
//
// Requests that share a line slow each other down: their pace grows with the window. A pace that does not grow is that
// of each connection, as over long distances, and more connections help.
type window struct {
	size     int64 // bytes; a request begins if fewer are in flight
	inFlight int64 // bytes of the requests in progress
	// since is the time of the last decrease or probe. Requests that began before are not measured.
	since time.Time
	// best is the least pace since then; 0 means not measured.
	best time.Duration
	// crowded is the pace that caused the decrease. After a probe it is 1 ns, which allows any increase.
	crowded time.Duration
}

func newWindow(now time.Time) window { return window{size: startWindow, since: now} }

// isFull reports whether another request must wait. One is always allowed.
func (w *window) isFull() bool { return w.inFlight > 0 && w.inFlight >= w.size }

// measure adjusts the window to a successful request.
func (w *window) measure(size int64, began, now time.Time) {
	if size < minMeasured || began.Before(w.since) {
		return
	}
	if w.best > 0 && now.Sub(w.since) > probeInterval {
		w.since, w.best, w.crowded = now, 0, 1
		return
	}
	pace := time.Duration(float64(now.Sub(began)) * min(1, defaultPartSize/float64(size)))
	target := max(targetPace, w.best)
	if w.best == 0 || pace < w.best {
		w.best = pace
	}
	same := func(a, b time.Duration) bool { return float64(a) <= sameLine*float64(b) }
	switch steady := same(pace, w.best); {
	case pace <= fastPace,
		steady && w.crowded == 0 && pace <= slowPace,
		steady && w.crowded > 0 && same(w.crowded, w.best):
		w.size += size
	case pace > slowPace && w.size > size:
		fitting := int64(float64(w.inFlight) * float64(target) / float64(pace))
		w.size = min(w.size-1, w.inFlight-size, fitting) // at least one request less
		w.since, w.best, w.crowded = now, 0, pace
	}
}
