package imports

import (
	"mime"
	"net/url"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxWithFallback is the longest Content-Disposition, in bytes, that includes a fallback. Above it the fallback could
// exceed S3's limit of 2 KB for a name that fits without one.
const maxWithFallback = 1536

// attachment returns the Content-Disposition of a file to be saved as name (RFC 6266). A name that is not plain ASCII
// is given twice: as filename* (RFC 8187), and as an ASCII filename for clients that do not read filename*, such as
// curl -OJ.
func attachment(name string) string {
	exact := mime.FormatMediaType("attachment", map[string]string{"filename": name})
	fallback := asciiName(name)
	escaped := strings.ReplaceAll(url.QueryEscape(name), "+", "%20") // RFC 8187 permits to escape more than is necessary
	both := `attachment; filename="` + fallback + `"; filename*=UTF-8''` + escaped
	if fallback == name || len(both) > maxWithFallback {
		return exact
	}
	return both
}

// asciiName returns name without accents, and with "_" in place of characters that a quoted filename cannot hold
// portably: all but printable ASCII, quotes, backslashes, and "%", which browsers decode.
func asciiName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case r < ' ' || r > '~' || strings.ContainsRune(`"\%`, r):
			return '_'
		}
		return r
	}, norm.NFKD.String(name))
}
