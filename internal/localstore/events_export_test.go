package localstore

import "time"

// SetArrivedLimit spares a test of Close its 10 s.
func (s *Store) SetArrivedLimit(limit time.Duration) { s.notifier.limit = limit }

// ForgotArrivals reports whether Close has dropped the queue.
func (s *Store) ForgotArrivals() bool {
	s.notifier.mu.Lock()
	defer s.notifier.mu.Unlock()
	return s.notifier.closed
}
