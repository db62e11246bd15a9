package imports

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
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

type ownerKey struct{}

// WithOwner returns a context of a call that owner makes.
func WithOwner(ctx context.Context, owner string) context.Context {
	return context.WithValue(ctx, ownerKey{}, owner)
}

// Caller returns the owner who makes the call of ctx: Public, and false, where nobody has found out.
func Caller(ctx context.Context) (owner string, known bool) {
	if owner, known = ctx.Value(ownerKey{}).(string); known {
		return owner, true
	}
	return Public, false
}
