package imports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// claim is the record of an Idempotency-Key: the job that was created with it, and for which request.
type claim struct {
	ID          string `json:"id"`
	Fingerprint string `json:"fingerprint"`
}

// checkIdempotencyKey requires a random UUID (version 4, RFC 9562) from anonymous clients. They share one namespace, so
// a client that guesses the key and body of another would receive its import. It is called before any access to the
// store: the response does not depend on which keys exist.
func checkIdempotencyKey(owner, key string) error {
	if owner != Public || key == "" || randomUUID.MatchString(key) {
		return nil
	}
	return &Error{
		Kind: Invalid, Code: CodeIdempotencyKeyWeak,
		Detail: "Anonymous clients must send an Idempotency-Key that cannot be guessed. Send a random UUID.",
		Fields: []Field{{Parameter: "Idempotency-Key", Detail: "must be a random UUID (version 4), such as uuidgen prints"}},
	}
}

var randomUUID = regexp.MustCompile(`^(?i)[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// claim claims idempotencyKey for c and returns the ID of the job that has the key: c's, or that of an earlier call. It
// is called before the job's record is written, so that a retry completes a call that stopped in between.
func (s *Service) claim(ctx context.Context, owner, idempotencyKey string, c claim) (string, error) {
	key := ClaimKey(owner, idempotencyKey)
	body, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("claim idempotency key: %w", err)
	}
	return retry(c.ID, func() (string, error) {
		err := s.Bucket.CreateRecord(ctx, key, body)
		if !errors.Is(err, bucket.ErrChanged) {
			return c.ID, fromStore("claim idempotency key", err)
		}
		first, etag, err := s.readClaim(ctx, key)
		switch {
		case err != nil:
			return "", err
		case first.Fingerprint != c.Fingerprint:
			return "", &Error{
				Kind: Refused, Code: CodeIdempotencyKeyReused,
				Detail: "This Idempotency-Key was used with another body. Use a new key for a new import.",
			}
		case first.ID == c.ID || !s.unused(ctx, owner, first):
			return first.ID, nil
		}
		_, err = s.Bucket.ReplaceRecord(ctx, key, etag, body)
		return c.ID, fromStore("claim idempotency key", err)
	})
}

func (s *Service) readClaim(ctx context.Context, key string) (c claim, etag string, err error) {
	record, err := s.Bucket.ReadRecord(ctx, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return claim{}, "", bucket.ErrChanged // a lifecycle rule removed it in between
	}
	if err != nil {
		return claim{}, "", fromStore("read idempotency key", err)
	}
	if err := json.Unmarshal(record.Body, &c); err != nil {
		return claim{}, "", fmt.Errorf("read idempotency key: %w", err)
	}
	if !isCanonicalID(c.ID) {
		return claim{}, "", fmt.Errorf("read idempotency key: %q is not an ID of this service", c.ID)
	}
	return c, record.ETag, nil
}

// claimLifetime is longer than any call takes between its claim and its record.
const claimLifetime = 5 * time.Minute

// unused reports whether c has no job and will not get one. The job of a recent claim may be written still. A job that
// cannot be read counts as a job, so that the call which reads it returns the error.
func (s *Service) unused(ctx context.Context, owner string, c claim) bool {
	if s.Now().Sub(idTime(c.ID)) < claimLifetime {
		return false
	}
	_, err := s.load(ctx, owner, c.ID)
	return isKind(err, NotFound)
}
