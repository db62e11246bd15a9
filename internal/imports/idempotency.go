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

// claim is what is remembered of an Idempotency-Key: the job it created, and for which request.
type claim struct {
	ID          string `json:"id"`
	Fingerprint string `json:"fingerprint"`
}

// checkIdempotencyKey requires a random UUID (version 4, RFC 9562) of anonymous clients. They share one namespace, so a client that
// guesses the key and body of another would receive its import. It is called before any access to the store: the response does not
// depend on which keys exist.
func checkIdempotencyKey(owner, key string) error {
	if owner != Public || key == "" || randomUUID.MatchString(key) {
		return nil
	}
	return &Error{
		Kind: Invalid, Code: CodeIdempotencyKeyWeak,
		Detail: "Anonymous clients must send an Idempotency-Key that cannot be guessed. Send a random UUID.",
		Fields: []Field{{Parameter: "Idempotency-Key", Detail: "must be a UUID of version 4, such as uuidgen prints"}},
	}
}

var randomUUID = regexp.MustCompile(`^(?i)[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// claim takes idempotencyKey for c unless it is taken, and returns the id of the job the key belongs to. It is written before
// the job's record, so that a crash between the two is mended by the retry.
func (s *Service) claim(ctx context.Context, owner, idempotencyKey string, c claim) (string, error) {
	key := claimKey(owner, idempotencyKey)
	body, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("claim idempotency key: %w", err)
	}
	return retry(c.ID, func() (string, error) {
		err := s.Bucket.CreateRecord(ctx, key, body)
		if err == nil {
			return c.ID, nil
		}
		if !errors.Is(err, bucket.ErrChanged) {
			return "", fromStore("claim idempotency key", err)
		}
		record, err := s.Bucket.ReadRecord(ctx, key)
		if errors.Is(err, bucket.ErrNotFound) {
			return "", bucket.ErrChanged // a lifecycle rule removed it in between
		}
		if err != nil {
			return "", fromStore("read idempotency key", err)
		}
		var first claim
		if err := json.Unmarshal(record.Body, &first); err != nil {
			return "", fmt.Errorf("read idempotency key: %w", err)
		}
		if !canonicalID.MatchString(first.ID) {
			return "", fmt.Errorf("read idempotency key: %q is no id that this service makes", first.ID)
		}
		if first.Fingerprint != c.Fingerprint {
			return "", &Error{Kind: Refused, Code: CodeIdempotencyKeyReused, Detail: "This Idempotency-Key was used with another body. Use a new key for a new import."}
		}
		return s.renew(ctx, owner, key, first, record.ETag, c)
	})
}

// renew gives the key to c where the first claim came to nothing: it has no job, and is too old to get one. A younger one may be
// of a call that is still under way.
func (s *Service) renew(ctx context.Context, owner, key string, first claim, etag string, c claim) (string, error) {
	if first.ID == c.ID || s.Now().Sub(idTime(first.ID)) < claimLife {
		return first.ID, nil
	}
	if _, err := s.load(ctx, owner, first.ID); !isKind(err, NotFound) {
		return first.ID, nil // whoever reads the job will meet what went wrong
	}
	body, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("claim idempotency key: %w", err)
	}
	if _, err := s.Bucket.ReplaceRecord(ctx, key, etag, body); err != nil {
		return "", fromStore("claim idempotency key", err)
	}
	return c.ID, nil
}

// claimLife is longer than any call can take between its claim and its record.
const claimLife = 5 * time.Minute
