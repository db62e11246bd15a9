package imports

import (
	"regexp"
	"testing"
)

// FuzzOwnerName: two principals never share an owner, and no owner contains a slash.
func FuzzOwnerName(f *testing.F) {
	for _, name := range []string{"abc123", "../public", "a/b", "", "-", "--0123", "A", "a", "ü", "x.y-z", "..",
		"arn:aws:iam::1:user/u"} {
		f.Add("key", name, "iam", "other")
		f.Add("sub", name, "sub", name+"x")
	}
	safe := regexp.MustCompile(`^(key|iam|sub)-[a-z0-9.-]{1,63}$`)
	kinds := map[string]bool{"key": true, "iam": true, "sub": true}
	f.Fuzz(func(t *testing.T, kindA, a, kindB, b string) {
		if !kinds[kindA] || !kinds[kindB] {
			t.Skip()
		}
		x, y := OwnerName(kindA, a), OwnerName(kindB, b)
		if (x == y) != (kindA == kindB && a == b) {
			t.Errorf("OwnerName of %s %q and of %s %q: got %s and %s", kindA, a, kindB, b, x, y)
		}
		if !safe.MatchString(x) || x == Public {
			t.Errorf("OwnerName of %s %q: got %q, which is no safe part of a key", kindA, a, x)
		}
	})
}
