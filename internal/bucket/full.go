package bucket

import (
	"context"
	"errors"
)

// probeKey is the object that checkSpace writes. All processes share it, so that at most one remains if a process
// stops during a check. The service's credentials may write there.
const probeKey = "sweep/probe"

// recordFull records whether the last write failed because the store is full.
func (b *Bucket) recordFull(operation string, err error) {
	switch {
	case errors.Is(err, ErrStoreFull):
		b.full.Store(true)
	case err == nil && operation == "PutObject":
		b.full.Store(false)
	}
}

// checkSpace returns ErrStoreFull while the store rejects writes for lack of space. It sends requests only if the
// last write failed so: it removes the probe that an earlier check may have left, and writes and removes a new one.
func (b *Bucket) checkSpace(ctx context.Context) error {
	if !b.full.Load() {
		return nil
	}
	if err := b.Delete(ctx, probeKey); err != nil {
		return err
	}
	switch err := b.CreateRecord(ctx, probeKey, []byte("{}")); {
	case errors.Is(err, ErrChanged): // another process has written one, so there is space
	case err != nil:
		return err
	}
	return b.Delete(ctx, probeKey)
}
