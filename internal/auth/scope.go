package auth

import (
	"fmt"
	"strings"
)

// Scope is what a caller may do: a set of the constants below.
type Scope uint8

const (
	Create Scope = 1 << iota // make imports, send their parts and complete them
	Read                     // read and list imports, and download them where the service allows that
	Delete                   // abort imports

	All = Create | Read | Delete
)

var scopeNames = [...]string{"create", "read", "delete"} // in the order of the constants

// ParseScopes reads names of scopes that are divided by commas, as String writes them.
func ParseScopes(text string) (Scope, error) {
	var all Scope
	for name := range strings.SplitSeq(text, ",") {
		s := scopeNamed(name)
		if s == 0 {
			return 0, fmt.Errorf("%q is none of create, read and delete, which are divided by commas alone", name)
		}
		all |= s
	}
	return all, nil
}

func scopeNamed(name string) Scope {
	for n, known := range scopeNames {
		if name == known {
			return 1 << n
		}
	}
	return 0
}

// String is the names of s, divided by commas.
func (s Scope) String() string {
	var names []string
	for n, name := range scopeNames {
		if s&(1<<n) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// tokenScopes are the scopes of this service as tokens spell them. All that begin as they do are for it.
var tokenScopes = map[string]Scope{"import:create": Create, "import:read": Read, "import:delete": Delete}

const tokenPrefix = "import:"

// TokenScope is what a token with these scopes, divided by spaces, allows: exactly what they name of this service, even if that is
// nothing that is known here. A token whose scopes are all for others, such as openid and profile, allows everything: most issuers give
// out no other, and its audience says that it is for this service.
func TokenScope(scopes ...string) (allowed Scope) {
	named := false
	for _, word := range strings.Fields(strings.Join(scopes, " ")) {
		named = named || strings.HasPrefix(word, tokenPrefix)
		allowed |= tokenScopes[word]
	}
	if !named {
		return All
	}
	return allowed
}
