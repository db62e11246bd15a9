package bucket

import (
	"context"
	"errors"

	"github.com/google/uuid"
)

// probePrefix is where checkSpace writes. The service's credentials may write there anyway.
const probePrefix = "sweep/probe-"

// noteFull remembers whether the last write was refused because the store is full.
func (b *Bucket) noteFull(operation string, err error) {
	switch {
	case errors.Is(err, ErrStoreFull):
		b.full.Store(true)
	case err == nil && operation == "PutObject":
		b.full.Store(false)
	}
}

// checkSpace returns ErrStoreFull while the store refuses writes for lack of space. It costs nothing unless the last write was refused
// like that; then it writes and removes a small object.
func (b *Bucket) checkSpace(ctx context.Context) error {
	if !b.full.Load() {
		return nil
	}
	key := probePrefix + uuid.NewString()
	if err := b.CreateRecord(ctx, key, []byte("{}")); err != nil {
		return err
	}
	return b.Delete(ctx, key)
}
