package auth

import "testing"

func TestParseScopes(t *testing.T) {
	for _, c := range []struct {
		text  string
		want  Scope
		valid bool
	}{
		{"create", Create, true},
		{"read", Read, true},
		{"delete", Delete, true},
		{"create,read,delete", All, true},
		{"delete,create", Create | Delete, true},
		{"read,read", Read, true},
		{"", 0, false},
		{"write", 0, false},
		{"Create", 0, false},
		{"create,", 0, false},
		{",create", 0, false},
		{"create, read", 0, false},
		{"create read", 0, false},
		{"all", 0, false},
	} {
		got, err := ParseScopes(c.text)
		if got != c.want || (err == nil) != c.valid {
			t.Errorf("ParseScopes(%q): got %v, %v; want %v, valid: %t", c.text, got, err, c.want, c.valid)
		}
	}
}

func TestScopeString(t *testing.T) {
	for scope := range All + 1 {
		got, err := ParseScopes(scope.String())
		if got != scope || (err != nil) != (scope == 0) {
			t.Errorf("%q: read as %v, %v; want %d", scope, got, err, scope)
		}
	}
	if got, want := All.String(), "create,read,delete"; got != want {
		t.Errorf("All: got %q, want %q", got, want)
	}
}
