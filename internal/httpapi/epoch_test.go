package httpapi

import (
	"testing"
	"time"
)

// TestExpiryEpoch checks that two downloads share an epoch only if neither is in the last half of its lifetime, or both
// expire together.
func TestExpiryEpoch(t *testing.T) {
	const life = time.Hour
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	type signed struct{ at, ends time.Duration } // after noon
	full := func(at time.Duration) signed { return signed{at, at + life} }
	for _, c := range []struct {
		name       string
		then, now  signed
		asGoodAsIs bool
	}{
		{"at the same time", full(0), full(0), true},
		{"in the same half", full(0), full(life/2 - time.Second), true},
		{"in the next half", full(0), full(life / 2), false},
		{"just before and in the next half", full(life/2 - time.Second), full(life / 2), false},
		{"by credentials that go on to end", signed{0, 20 * time.Minute}, signed{10 * time.Minute, 20 * time.Minute}, true},
		{
			"by others that end in the same half, when the first have ended", signed{0, 10 * time.Minute},
			signed{10 * time.Minute, 25 * time.Minute}, false,
		},
		{"by others that end later", signed{0, 20 * time.Minute}, full(20 * time.Minute), false},
	} {
		then := expiryEpoch(noon.Add(c.then.ends), life, noon.Add(c.then.at))
		now := expiryEpoch(noon.Add(c.now.ends), life, noon.Add(c.now.at))
		if got := then.Equal(now); got != c.asGoodAsIs {
			t.Errorf("signed %s: got %s and then %s, want the same: %t", c.name, then, now, c.asGoodAsIs)
		}
	}
}
