package upload

import (
	"context"
	"maps"
	"strconv"
	"sync"

	"github.com/signpost-s3/signpost/gen/client"
)

// signer requests part URLs from the service when they are needed, so that they do not expire unused. Parts that are
// requested during a call are signed together by the next call.
type signer struct {
	api *API
	id  string

	mu      sync.Mutex
	pending map[int32]*signCall
	running bool
}

// signCall is a part to sign.
type signCall struct {
	checksum string
	done     chan struct{}
	signed   client.SignedPart
	err      error
}

// maxSignBatch is the API's limit of parts per call.
const maxSignBatch = 1000

// sign returns the request for a part. The checksum is empty if the import declares none. All calls must use the same
// ctx.
func (s *signer) sign(ctx context.Context, number int32, checksum string) (signedRequest, error) {
	c := &signCall{checksum: checksum, done: make(chan struct{})}
	s.mu.Lock()
	if s.pending == nil {
		s.pending = map[int32]*signCall{}
	}
	s.pending[number] = c
	if !s.running {
		s.running = true
		go s.run(ctx)
	}
	s.mu.Unlock()
	select {
	case <-c.done:
		return signedRequest{string(c.signed.Method), c.signed.URL, c.signed.Headers}, c.err
	case <-ctx.Done():
		return signedRequest{}, context.Cause(ctx)
	}
}

// run signs batches until nothing is pending.
func (s *signer) run(ctx context.Context) {
	for {
		s.mu.Lock()
		batch := map[int32]*signCall{}
		for number, c := range s.pending {
			if len(batch) == maxSignBatch {
				break
			}
			batch[number] = c
			delete(s.pending, number)
		}
		if s.running = len(batch) > 0; !s.running {
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		s.signBatch(ctx, batch)
	}
}

func (s *signer) signBatch(ctx context.Context, batch map[int32]*signCall) {
	parts := client.PartsRequest{}
	for number, c := range batch {
		parts.PartNumbers = append(parts.PartNumbers, number)
		if c.checksum != "" {
			if parts.Checksums == nil {
				parts.Checksums = map[string]string{}
			}
			parts.Checksums[strconv.Itoa(int(number))] = c.checksum
		}
	}
	signed, err := s.api.Sign(ctx, s.id, parts)
	for _, p := range signed {
		if c := batch[p.PartNumber]; c != nil && p.URL != "" {
			c.signed = p
			close(c.done)
			delete(batch, p.PartNumber)
		}
	}
	if err == nil {
		err = errInvalidResponse // for parts that the response lacks
	}
	for c := range maps.Values(batch) {
		c.err = err
		close(c.done)
	}
}
