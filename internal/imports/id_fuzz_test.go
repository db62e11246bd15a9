package imports

import (
	"fmt"
	"testing"
)

// FuzzIDs: recordID returns the ID in a record's key, no two imports share a key, and keys sort newest first.
func FuzzIDs(f *testing.F) {
	for _, at := range []uint64{0, 1, 1<<48 - 1, 1 << 47, 0x0198c5a47b1e} {
		f.Add(at, uint64(0), at, uint64(0), "a")
		f.Add(at, uint64(0), at, uint64(1), "a/../b")
		f.Add(at, uint64(1<<62-1), at+1, uint64(0), ".")
		f.Add(at, uint64(1<<61), at<<1, uint64(7), "")
	}
	f.Fuzz(func(t *testing.T, atA, randomA, atB, randomB uint64, principal string) {
		owner, other := OwnerName("sub", principal), OwnerName("key", principal)
		id := func(at, random uint64) string {
			at &= 1<<48 - 1
			return fmt.Sprintf("%08x-%04x-7%03x-%04x-%012x", at>>16, at&0xffff, random>>52, 0x8000|random>>48&0x3fff,
				random&(1<<48-1))
		}
		a, b := id(atA, randomA), id(atB, randomB)
		if !isCanonicalID(a) || !isCanonicalID(b) {
			t.Fatalf("%q and %q: want ids that are looked up", a, b)
		}
		x, y := recordKey(owner, a), recordKey(owner, b)
		idX, okX := recordID(owner, x)
		idY, okY := recordID(owner, y)
		if idX != a || idY != b || !okX || !okY {
			t.Errorf("%q and %q: recordID of their keys is %q, %t and %q, %t", a, b, idX, okX, idY, okY)
		}
		if (x == y) != (a == b) || (objectKey(owner, a) == objectKey(owner, b)) != (a == b) || x == recordKey(other, a) {
			t.Errorf("%q and %q: got %q and %q, want a key for each", a, b, x, y)
		}
		if made := idTime(a).Compare(idTime(b)); made < 0 && x <= y || made > 0 && x >= y {
			t.Errorf("%q of %s and %q of %s: got %q and %q, want the newer first", a, idTime(a), b, idTime(b), x, y)
		}
	})
}
