package httpapi

import (
	"strings"
	"testing"
)

// TestParseJSONErrors checks that the detail names what is wrong with a body.
func TestParseJSONErrors(t *testing.T) {
	for body, want := range map[string]string{
		" \r\n\t":               "only white space",
		`{} x`:                  "Something follows",
		`{}{}`:                  "Something follows",
		`{"size":1`:             "ends in the middle",
		`{"size":NaN}`:          "See byte 8.",
		`{"filename":"\ud800"}`: "The escape at byte 13",
		"\xef\xbb\xbf{}":        "byte-order mark",
		"\"\xff\"":              "not UTF-8",
	} {
		if _, err := parseJSON([]byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseJSON(%q): got %v, want %q", body, err, want)
		}
	}
}
