//go:build !race

package bucket

import (
	"testing"
	"time"
)

// TestWatchingIsFree checks that hooks add no allocations to signing. The race detector adds its own.
func TestWatchingIsFree(t *testing.T) {
	b, _ := wired(t, &wire{}, static())
	now := time.Now()
	sign := func() {
		if _, err := b.SignPut(t.Context(), Upload{Key: "k", From: now, Until: now.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	alone := testing.AllocsPerRun(1000, sign)
	count := 0
	b.hooks.OnSigned = func(n int) { count += n }
	if watched := testing.AllocsPerRun(1000, sign); watched > alone || count == 0 {
		t.Errorf("SignPut: got %.0f allocations watched, %.0f alone, want as many", watched, alone)
	}
}
