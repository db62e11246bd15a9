package localstore

import "time"

// SetDrainLimit spares a test of Close its 10 s.
func (s *Store) SetDrainLimit(limit time.Duration) { s.traffic.limit = limit }
