package localstore

import "time"

// SetArrivedLimit shortens the 10 s that Close waits for callbacks.
func (s *Store) SetArrivedLimit(limit time.Duration) { s.notifier.limit = limit }

// ForgotArrivals reports whether Close has dropped the queue.
func (s *Store) ForgotArrivals() bool { return s.notifier.closing.Err() != nil }
