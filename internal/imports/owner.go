package imports

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"regexp"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// Public is the owner of the imports of anonymous clients.
const Public = "public"

// OwnerName returns the owner for a principal of this kind (key, iam, sub and so on) and name. No two principals have
// the same owner. Owners are part of object keys: a name with characters that keys do not allow is replaced by its
// SHA-256.
func OwnerName(kind, name string) string {
	if plainName.MatchString(name) {
		return kind + "-" + name
	}
	sum := sha256.Sum256([]byte(name))
	return kind + "--" + hex.EncodeToString(sum[:16]) // no plain name begins with a hyphen
}

var plainName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,62}$`)

// Call describes a call besides its request.
type Call struct {
	Owner     string // of the imports that the call creates; "": anonymous
	RequestID string // relates the logs of the service to those of the store; may be empty
}

type callKey struct{}

// WithCall returns a context with the call c.
func WithCall(ctx context.Context, c Call) context.Context {
	if c.RequestID != "" {
		ctx = bucket.WithRequestID(ctx, c.RequestID)
	}
	return context.WithValue(ctx, callKey{}, c.Owner)
}

// Caller returns the owner of the call of ctx, or Public and false if the call is anonymous.
func Caller(ctx context.Context) (owner string, known bool) {
	if owner, known = ctx.Value(callKey{}).(string); known && owner != "" {
		return owner, owner != Public
	}
	return Public, false
}
