//go:build !race

package bucket

import (
	"testing"
	"time"
)

// TestHooksDoNotAllocate checks that hooks add no allocations to signing. The race detector adds its own.
func TestHooksDoNotAllocate(t *testing.T) {
	b, _ := openFake(t, &fakeStore{}, static())
	now := time.Now()
	sign := func() {
		if _, err := b.SignPut(t.Context(), Upload{Key: "k", From: now, Until: now.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	without := testing.AllocsPerRun(1000, sign)
	count := 0
	b.hooks.OnSigned = func(n int) { count += n }
	if hooked := testing.AllocsPerRun(1000, sign); hooked > without || count == 0 {
		t.Errorf("SignPut: got %.0f allocations with hooks, %.0f without, want as many", hooked, without)
	}
}
