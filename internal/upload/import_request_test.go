package upload

import (
	"path"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/signpost-s3/signpost/openapi"
)

// FuzzRelativePath: the API accepts the relative path of every file, unless it is too long.
func FuzzRelativePath(f *testing.F) {
	contract, err := openapi.Load()
	if err != nil {
		f.Fatal(err)
	}
	schema := contract.Components.Schemas["ImportRequest"].Value.Properties["relative_path"].Value
	accepted := regexp.MustCompile(schema.Pattern)
	for _, name := range []string{
		"photos/2026/a.jpg", "100 %/😀 b", "e\u0301", "a\\b", "\x01\x7f\u0085", "\xff\xfe/\xc3", "...", ".a/..b",
		"\u2024/\uff0e\uff0e", "\u1fef\u037e\u212a", "b" + strings.Repeat("\u0316", 40), "\u034f", "\u2028",
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if name == "" || path.Clean("/"+name) != "/"+name {
			t.Skip("no path of a file")
		}
		got := sanitizeRelativePath(name)
		if !accepted.MatchString(got) || !norm.NFC.IsNormalString(got) {
			t.Errorf("sanitizeRelativePath(%q): got %q, which the API refuses", name, got)
		}
		if strings.Count(got, "/") != strings.Count(name, "/") || sanitizeRelativePath(got) != got {
			t.Errorf("sanitizeRelativePath(%q): got %q, want as many names, and the same again", name, got)
		}
	})
}
