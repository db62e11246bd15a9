package upload

import (
	"context"
	"strconv"
	"sync"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/s3limits"
)

// signer requests part URLs from the service when they are needed, so that they do not expire unused. Parts that are
// requested during a call are signed together by the next call.
type signer struct {
	api *API
	id  string

	calling sync.Mutex // held during a call
	mu      sync.Mutex // guards pending
	pending map[int32]*signedPart
}

// signedPart is the result of signing a part. It is set while calling is held.
type signedPart struct {
	checksum string
	done     bool
	request  signedRequest
	err      error
}

// sign returns the request for a part. The checksum is empty if the import declares none. All calls must use the same
// ctx.
func (s *signer) sign(ctx context.Context, number int32, checksum string) (signedRequest, error) {
	part := &signedPart{checksum: checksum}
	s.mu.Lock()
	if s.pending == nil {
		s.pending = map[int32]*signedPart{}
	}
	s.pending[number] = part
	s.mu.Unlock()
	s.calling.Lock()
	defer s.calling.Unlock()
	for !part.done { // a call signs a limited number of parts
		s.signPending(ctx)
	}
	return part.request, part.err
}

// signPending signs pending parts by one call.
func (s *signer) signPending(ctx context.Context) {
	batch := map[int32]*signedPart{}
	parts := client.PartsRequest{Checksums: map[string]string{}}
	s.mu.Lock()
	for number, part := range s.pending {
		if len(batch) == s3limits.MaxListed {
			break
		}
		delete(s.pending, number)
		batch[number] = part
		parts.PartNumbers = append(parts.PartNumbers, number)
		if part.checksum != "" {
			parts.Checksums[strconv.Itoa(int(number))] = part.checksum
		}
	}
	s.mu.Unlock()
	signed, err := s.api.Sign(ctx, s.id, parts)
	if err == nil {
		err = ErrInvalidResponse // for parts that the response lacks
	}
	for _, part := range batch {
		part.done, part.err = true, err
	}
	for _, p := range signed {
		if part := batch[p.PartNumber]; part != nil && p.URL != "" {
			part.request, part.err = signedRequest{string(p.Method), p.URL, p.Headers}, nil
		}
	}
}
