package bucket

import "time"

// Watch is told what a bucket does. Its functions are called by many goroutines at once and should be quick; each may be nil.
type Watch struct {
	// Called is told of each call to the store: S3's name for it, how it ended, and how long it took with its retries.
	//
	// Outcomes are ok, not-found, changed, forbidden, unavailable, busy, bad-part, bad-checksum and credentials, after the errors
	// of this package; cut, which was not sent since the circuit was open; cancelled by our caller; and error, a fault of ours.
	Called func(operation, outcome string, took time.Duration)
	// Signed is told how many URLs were just handed out.
	Signed func(n int)
}

func (w Watch) called(operation string, err error, took time.Duration) {
	if w.Called != nil {
		w.Called(operation, outcome(err), took)
	}
}

func (w Watch) signed(n int) {
	if w.Signed != nil {
		w.Signed(n)
	}
}
