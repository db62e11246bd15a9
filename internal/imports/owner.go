package imports

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
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
