package main

import "testing"

// TestWithoutColors: a line of the store keeps its text without colors.
func TestWithoutColors(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"\x1b[31m10 parts from 127.0.0.1\x1b[0m\n": "10 parts from 127.0.0.1",
		"10 parts from 127.0.0.1\n":                "10 parts from 127.0.0.1",
		"\x1b[1;31m301\x1b[0m m[3 \x1b[0m31m\r\n":  "301 m[3 31m",
		"mkdir /data/m: no space [1] 30m":          "mkdir /data/m: no space [1] 30m",
		"":                                         "",
	} {
		if got := stripEscapes(line); got != want {
			t.Errorf("withoutColors(%q): got %q, want %q", line, got, want)
		}
	}
}
