package bucket

import "time"

// Watch is told what a bucket does. Its functions are called by many goroutines at once and should be quick; each may be nil.
type Hooks struct {
	// Called is told of each call to the store: S3's name for it, how it ended, and how long it took with its retries.
	//
	// Outcomes are ok, not-found, changed, forbidden, unavailable, busy, bad-part, bad-checksum and credentials, after the errors
	// of this package; cut, which was not sent since the circuit was open; cancelled by our caller; and error, a fault of ours.
	OnCall func(operation, outcome string, took time.Duration)
	// Signed is told how many URLs were just handed out.
	OnSigned func(n int)
}

func (w Hooks) called(operation string, err error, took time.Duration) {
	if w.OnCall != nil {
		w.OnCall(operation, outcome(err), took)
	}
}

func (w Hooks) signed(n int) {
	if w.OnSigned != nil {
		w.OnSigned(n)
	}
}
