package bucket

import (
	"context"
	"errors"
)

// probeKey is the object that checkSpace writes. It has one name for all servers, so that at most one stays behind if a
// server stops before it has removed it. The service's credentials may write there anyway.
const probeKey = "sweep/probe"

// noteFull remembers whether the last write was refused because the store is full.
func (b *Bucket) recordFull(operation string, err error) {
	switch {
	case errors.Is(err, ErrStoreFull):
		b.full.Store(true)
	case err == nil && operation == "PutObject":
		b.full.Store(false)
	}
}

// checkSpace returns ErrStoreFull while the store refuses writes for lack of space. It costs nothing unless the last write
// was refused like that; then it removes the probe that an earlier check may have left, and writes and removes one.
func (b *Bucket) checkSpace(ctx context.Context) error {
	if !b.full.Load() {
		return nil
	}
	if err := b.Delete(ctx, probeKey); err != nil {
		return err
	}
	switch err := b.CreateRecord(ctx, probeKey, []byte("{}")); {
	case errors.Is(err, ErrChanged): // another server has written one since, so there is space
	case err != nil:
		return err
	}
	return b.Delete(ctx, probeKey)
}
