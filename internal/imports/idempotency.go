package imports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// claim is what is remembered of an Idempotency-Key: the job it created, and for which request.
type claim struct {
	ID          string `json:"id"`
	Fingerprint string `json:"fingerprint"`
}

// claim takes idempotencyKey for c unless it is taken, and returns the id of the job the key belongs to. It is written before
// the job's record, so that a crash between the two is mended by the retry.
func (s *Service) claim(ctx context.Context, owner, idempotencyKey string, c claim) (string, error) {
	key := claimKey(owner, idempotencyKey)
	body, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("claim idempotency key: %w", err)
	}
	err = s.Bucket.CreateRecord(ctx, key, body)
	if err == nil {
		return c.ID, nil
	}
	if !errors.Is(err, bucket.ErrChanged) {
		return "", fromStore("claim idempotency key", err)
	}
	record, err := s.Bucket.ReadRecord(ctx, key)
	if err != nil {
		return "", fromStore("read idempotency key", err)
	}
	var first claim
	if err := json.Unmarshal(record.Body, &first); err != nil {
		return "", fmt.Errorf("read idempotency key: %w", err)
	}
	if first.Fingerprint != c.Fingerprint {
		return "", &Error{Kind: Refused, Code: CodeIdempotencyKeyReused, Detail: "This Idempotency-Key was used with another body. Use a new key for a new import."}
	}
	return first.ID, nil
}
