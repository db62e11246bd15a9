package server

import (
	"runtime/debug"
	"testing"
)

// TestTune: a GOGC that is set stays in force, whatever it says.
func TestTune(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	for gogc, want := range map[string]int{"100": 100, "off": 100, "50": 100, "": gcPercent} {
		debug.SetGCPercent(100) // as the runtime would have it
		Tune(gogc)
		if got := debug.SetGCPercent(100); got != want {
			t.Errorf("GOGC=%q: got %d %%, want %d %%", gogc, got, want)
		}
	}
}
