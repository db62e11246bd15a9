package upload

import (
	"context"
	"maps"
	"strconv"
	"sync"

	"github.com/signpost-s3/signpost/gen/client"
)

// signer asks the service for part URLs just when they are needed, so that none grows old. Whoever asks while a call is under way
// is served by the next one, together with all others who do.
type signer struct {
	api *API
	id  string

	mu      sync.Mutex
	waiting map[int32]*wish
	calling bool
}

// wish is one part to be signed.
type wish struct {
	checksum string
	done     chan struct{}
	signed   client.SignedPart
	err      error
}

// maxSigned is how many parts the service signs in one call.
const maxSigned = 1000

// sign, always called with the same ctx, returns the request for a part with this checksum, which is empty where the import declares none.
func (s *signer) sign(ctx context.Context, number int32, checksum string) (request, error) {
	w := &wish{checksum: checksum, done: make(chan struct{})}
	s.mu.Lock()
	if s.waiting == nil {
		s.waiting = map[int32]*wish{}
	}
	s.waiting[number] = w
	if !s.calling {
		s.calling = true
		go s.serve(ctx) // which is that of all parts
	}
	s.mu.Unlock()
	select {
	case <-w.done:
		return request{string(w.signed.Method), w.signed.URL, w.signed.Headers}, w.err
	case <-ctx.Done():
		return request{}, context.Cause(ctx)
	}
}

// serve calls the service until nobody waits.
func (s *signer) serve(ctx context.Context) {
	for {
		s.mu.Lock()
		batch := map[int32]*wish{}
		for number, w := range s.waiting {
			if len(batch) == maxSigned {
				break
			}
			batch[number] = w
			delete(s.waiting, number)
		}
		if s.calling = len(batch) > 0; !s.calling {
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		s.call(ctx, batch)
	}
}

func (s *signer) call(ctx context.Context, batch map[int32]*wish) {
	parts := client.PartsRequest{}
	for number, w := range batch {
		parts.PartNumbers = append(parts.PartNumbers, number)
		if w.checksum != "" {
			if parts.Checksums == nil {
				parts.Checksums = map[string]string{}
			}
			parts.Checksums[strconv.Itoa(int(number))] = w.checksum
		}
	}
	signed, err := s.api.Sign(ctx, s.id, parts)
	for _, p := range signed {
		if w := batch[p.PartNumber]; w != nil && p.URL != "" {
			w.signed = p
			close(w.done)
			delete(batch, p.PartNumber)
		}
	}
	if err == nil {
		err = errBadAnswer // a part was left out
	}
	for w := range maps.Values(batch) {
		w.err = err
		close(w.done)
	}
}
