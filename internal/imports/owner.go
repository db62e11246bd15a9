package imports

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"regexp"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// Public is the owner of imports whose caller is not known.
const Public = "public"

// OwnerName is the name under which the imports of a principal are kept: its kind (key, iam, sub and so on) and name, so that no two
// principals share one. It is made of a key's characters alone: a name that has others is replaced by its SHA-256.
func OwnerName(kind, name string) string {
	if plainName.MatchString(name) {
		return kind + "-" + name
	}
	sum := sha256.Sum256([]byte(name))
	return kind + "--" + hex.EncodeToString(sum[:16]) // no plain name begins with a hyphen
}

var plainName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,62}$`)

// Call is what is known of a call beside what it asks for.
type Call struct {
	Owner     string // of what the caller imports; empty: nobody has found out
	RequestID string // by which the logs of the service and of the store can be put together; may be empty
}

type callKey struct{}

// WithCall returns a context of the call c.
func WithCall(ctx context.Context, c Call) context.Context {
	if c.RequestID != "" {
		ctx = bucket.WithRequestID(ctx, c.RequestID)
	}
	return context.WithValue(ctx, callKey{}, c.Owner)
}

// Caller returns the owner who makes the call of ctx: Public, and false, where nobody has found out.
func Caller(ctx context.Context) (owner string, known bool) {
	if owner, known = ctx.Value(callKey{}).(string); known && owner != "" {
		return owner, owner != Public
	}
	return Public, false
}
