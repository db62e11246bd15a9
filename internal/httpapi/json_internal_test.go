package httpapi

import (
	"strings"
	"testing"
)

// TestParseJSONErrors checks that the detail names what is wrong with a body.
func TestParseJSONErrors(t *testing.T) {
	for body, want := range map[string]string{
		" \r\n\t":               "only white space",
		`{} x`:                  "after top-level value",
		`{}{}`:                  "after top-level value",
		`{"size":1`:             "ends before the value is complete",
		`{"size":NaN}`:          "invalid character 'N' at start of value, at byte offset 8",
		`{"filename":"\ud800"}`: "invalid surrogate pair",
		"\xef\xbb\xbf{}":        "byte order mark",
		"\"\xff\"":              "not in UTF-8",
	} {
		if _, err := parseJSON([]byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseJSON(%q): got %v, want %q", body, err, want)
		}
	}
}
