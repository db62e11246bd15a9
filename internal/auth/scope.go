package auth

import (
	"fmt"
	"strings"
)

// Scope is the set of operations that a caller may perform.
type Scope uint8

const (
	Create Scope = 1 << iota // create imports, sign their parts, and complete them
	Read                     // read and list imports, and download them if the service allows downloads
	Delete                   // abort imports

	All = Create | Read | Delete
)

var scopeNames = [...]string{"create", "read", "delete"} // in the constants' order

// ParseScopes parses comma-separated scope names, as String writes them.
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

// String returns the names of s, separated by commas.
func (s Scope) String() string {
	var names []string
	for n, name := range scopeNames {
		if s&(1<<n) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// tokenScopes are the scopes of this service in tokens. All begin with tokenPrefix.
var tokenScopes = map[string]Scope{"import:create": Create, "import:read": Read, "import:delete": Delete}

const tokenPrefix = "import:"

// TokenScope returns what a token with these space-separated scopes allows: exactly the scopes of this service, even
// if none is known. A token whose scopes are all for other services, such as openid and profile, allows everything:
// most issuers issue no others, and the audience names this service.
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
