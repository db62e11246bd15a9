package config

import "fmt"

// Secret is the value of a setting that must not be shown. It formats and marshals as "...", so that it never reaches a
// log, an error or a dump of the configuration; string(s) is the value.
type Secret string

// Format writes "..." for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "...") }

// MarshalText returns "...". JSON and log/slog use it.
func (Secret) MarshalText() ([]byte, error) { return []byte("..."), nil }
