package app

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode"
)

// TestLogIsPrintable: whatever is logged, each line has printable characters only, and reads as what was logged.
func TestLogIsPrintable(t *testing.T) {
	for _, path := range []string{"/plain", "/\x7f", "/\u0080\u009b31m\u009f", "/\u202egpj.exe", "/\U000e0041", "/\x1b[31m", "/é日", "/\u2028"} {
		var log bytes.Buffer
		NewLogger(&log).Info("request", "path", path)
		line := log.String()
		for _, r := range line[:len(line)-1] {
			if !unicode.IsPrint(r) {
				t.Errorf("path %q: the line has %U: %q", path, r, line)
			}
		}
		var got struct{ Path string }
		if err := json.Unmarshal(log.Bytes(), &got); err != nil || got.Path != path {
			t.Errorf("path %q: the line %q reads as %q, %v", path, line, got.Path, err)
		}
	}
}
