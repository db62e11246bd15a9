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
