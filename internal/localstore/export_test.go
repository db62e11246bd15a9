package localstore

import (
	"context"
	"time"
)

// SetDrainLimit spares a test of Close its 10 s.
func (s *Store) SetDrainLimit(limit time.Duration) { s.traffic.limit = limit }

// Limits are the store's time limits on clients.
type Limits = limits

// StartWith starts a store with other time limits.
func StartWith(ctx context.Context, o Options, l Limits) (*Store, error) { return start(ctx, o, l) }
