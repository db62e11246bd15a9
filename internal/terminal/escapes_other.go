//go:build !windows

package terminal

// enableEscapes returns true: only consoles of Windows interpret no escape sequences by default.
func enableEscapes(int) bool { return true }
