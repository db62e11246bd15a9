package server

import (
	"runtime/debug"
	"testing"
)

// TestTune: Tune does not override GOGC.
func TestTune(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	for gogc, want := range map[string]int{"100": 100, "off": 100, "50": 100, "": gcPercent} {
		debug.SetGCPercent(100) // the default of the runtime
		Tune(gogc)
		if got := debug.SetGCPercent(100); got != want {
			t.Errorf("GOGC=%q: got %d %%, want %d %%", gogc, got, want)
		}
	}
}
