package terminal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"
)

// FuzzWriter: the output contains only printable characters, line feeds and tabs, and a JSON string keeps its meaning.
func FuzzWriter(f *testing.F) {
	for _, text := range []string{
		"plain", "résumé 日本 👍", "\x1b[31mred\x1b[0m", "a\tb\nc\r\n", "\x7f\u0080\u009b", "\x9b31m", "\u202egpj",
		"\U000e0041\u2028", "\xff\xfe",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var written bytes.Buffer
		if n, err := fmt.Fprint(NewWriter(&written), text); n != len(text) || err != nil {
			t.Fatalf("%q: got %d, %v", text, n, err)
		}
		odd := func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' }
		if strings.ContainsFunc(written.String(), odd) {
			t.Errorf("%q is written as %q", text, &written)
		}
		if plain := strings.ToValidUTF8(text, ""); plain == text && Escape(written.String()) != written.String() {
			t.Errorf("%q: escaped twice, %q changes", text, &written)
		}
		written.Reset()
		before, _ := json.Marshal(text)
		_ = json.NewEncoder(NewWriter(&written)).Encode(text)
		var got, want string
		if json.Unmarshal(before, &want) != nil || json.Unmarshal(written.Bytes(), &got) != nil || got != want {
			t.Errorf("JSON of %q: got %q from %q", text, got, &written)
		}
	})
}

func TestEscape(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a\tb\n": "a\tb\n", "é日👍": "é日👍", "\x1b[31m": `\u001b[31m`, "\r": `\u000d`, "\x7f": `\u007f`,
		"\u009b": `\u009b`, "\x9bx": `\x9bx`,
		"\u202e": `\u202e`, "\U000e0041.": `\udb40\udc41.`, "a\x00b\x01c": `a\u0000b\u0001c`,
	} {
		if got := Escape(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
