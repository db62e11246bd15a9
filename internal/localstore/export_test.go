package localstore

import (
	"context"
	"time"
)

// SetDrainLimit shortens the 10 s that Close waits for requests.
func (s *Store) SetDrainLimit(limit time.Duration) { s.traffic.limit = limit }

// Limits are the store's time limits for clients.
type Limits = limits

// StartWith starts a store with other time limits.
func StartWith(ctx context.Context, o Options, l Limits) (*Store, error) { return start(ctx, o, l) }

// SetNotifierLimit shortens the 10 s that Close waits for callbacks.
func (s *Store) SetNotifierLimit(limit time.Duration) { s.notifier.limit = limit }

// NotifierIsClosing reports whether Close has dropped the queue.
func (s *Store) NotifierIsClosing() bool { return s.notifier.closing.Err() != nil }
