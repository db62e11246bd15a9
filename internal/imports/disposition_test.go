package imports

import (
	"mime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/signpost-s3/signpost/internal/s3limits"
)

func TestAttachment(t *testing.T) {
	for name, want := range map[string]string{
		"report.csv":  `attachment; filename=report.csv`,
		"my file.csv": `attachment; filename="my file.csv"`,
		"résumé.pdf":  `attachment; filename="resume.pdf"; filename*=UTF-8''r%C3%A9sum%C3%A9.pdf`,
		`a"b.txt`:     `attachment; filename="a_b.txt"; filename*=UTF-8''a%22b.txt`,
		`a\b.txt`:     `attachment; filename="a_b.txt"; filename*=UTF-8''a%5Cb.txt`,
		"100%41.txt":  `attachment; filename="100_41.txt"; filename*=UTF-8''100%2541.txt`,
		"日本.txt":      `attachment; filename="__.txt"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.txt`,
	} {
		got := attachment(name)
		if got != want {
			t.Errorf("attachment(%q): got %s, want %s", name, got, want)
		}
	}
}

// TestAttachmentFits checks that a fallback never makes a filename and a content type, as long as the contract allows
// them, exceed S3's limit that they meet without it.
func TestAttachmentFits(t *testing.T) {
	const longest = 255 // bytes of a content type, and characters of a filename
	for wide := range longest + 1 {
		name := strings.Repeat("😀", wide) + strings.Repeat("&", longest-wide)
		exact := mime.FormatMediaType("attachment", map[string]string{"filename": name})
		got := len(attachment(name))
		if limit := s3limits.MaxSystemMetadata - longest; len(exact) <= limit && got > limit {
			t.Errorf("%d emoji and %d ampersands: got %d bytes, want at most %d", wide, longest-wide, got, limit)
		}
	}
}

// FuzzAttachment: the header is printable ASCII, and a client that supports RFC 8187 reads the exact name from it.
func FuzzAttachment(f *testing.F) {
	for _, name := range []string{"a", "é", `"`, "\\", "%41", "日本", "ﬁ", "a;b=c", strings.Repeat("é", 250),
		strings.Repeat("日", 250)} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if name == "" || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
			t.Skip("the contract allows no such filename")
		}
		header := attachment(name)
		for i := range len(header) {
			if header[i] < ' ' || header[i] > '~' {
				t.Fatalf("attachment(%q): got %q, want printable ASCII", name, header)
			}
		}
		_, params, err := mime.ParseMediaType(withoutFallback(header))
		if err != nil || params["filename"] != name {
			t.Fatalf("attachment(%q): %q reads as %q, %v", name, header, params["filename"], err)
		}
	})
}

// withoutFallback removes the ASCII filename, which mime.ParseMediaType refuses beside filename*.
func withoutFallback(header string) string {
	if i := strings.Index(header, "; filename*="); i >= 0 {
		return "attachment" + header[i:]
	}
	return header
}
