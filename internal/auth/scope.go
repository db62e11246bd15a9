package auth

import (
	"fmt"
	"slices"
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

var scopeNames = []string{"create", "read", "delete"} // in the constants' order

// ParseScopes parses comma-separated scope names, as String writes them.
func ParseScopes(text string) (Scope, error) {
	var all Scope
	for name := range strings.SplitSeq(text, ",") {
		n := slices.Index(scopeNames, name)
		if n < 0 {
			return 0, fmt.Errorf("%q is not a scope: use create, read and delete, separated by commas without spaces", name)
		}
		all |= 1 << n
	}
	return all, nil
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

// tokenPrefix begins the scopes of this service in tokens, such as import:create.
const tokenPrefix = "import:"

// TokenScope returns what a token with these space-separated scopes allows: exactly the scopes of this service, even
// if none is known. A token whose scopes are all for other services, such as openid and profile, allows everything:
// most issuers issue no others, and the audience names this service.
func TokenScope(scopes ...string) (allowed Scope) {
	named := false
	for _, word := range strings.Fields(strings.Join(scopes, " ")) {
		name, isOurs := strings.CutPrefix(word, tokenPrefix)
		named = named || isOurs
		if n := slices.Index(scopeNames, name); isOurs && n >= 0 {
			allowed |= 1 << n
		}
	}
	if !named {
		return All
	}
	return allowed
}
