package sigv4

import "strings"

// appendCanonicalEnd appends what follows the query in a canonical request: headers, their names, payload.
func appendCanonicalEnd(b []byte, host string, hs []Header) []byte {
	b = appendCanonicalHeaders(append(b, '\n'), host, hs)
	b = appendSignedHeaders(append(b, '\n'), ";", hs)
	return append(b, "\n"+unsignedPayload...)
}

// appendSignedHeaders appends the names of hs and host, in order, divided by sep.
func appendSignedHeaders(b []byte, sep string, hs []Header) []byte {
	before, after := aroundHost(hs)
	for _, h := range before {
		b = append(append(b, h.Name...), sep...)
	}
	b = append(b, "host"...)
	for _, h := range after {
		b = append(append(b, sep...), h.Name...)
	}
	return b
}

// appendCanonicalHeaders appends a line for each of hs and for host, in order.
func appendCanonicalHeaders(b []byte, host string, hs []Header) []byte {
	before, after := aroundHost(hs)
	for _, h := range before {
		b = appendCanonicalHeader(b, h)
	}
	b = append(append(append(b, "host:"...), host...), '\n')
	for _, h := range after {
		b = appendCanonicalHeader(b, h)
	}
	return b
}

// appendCanonicalHeader appends a header's line, its value trimmed and runs of spaces in it made one. S3 does the same with what
// the client sends.
func appendCanonicalHeader(b []byte, h Header) []byte {
	b = append(append(b, h.Name...), ':')
	value := strings.TrimSpace(h.Value)
	for value != "" {
		word, rest, spaced := strings.Cut(value, "  ")
		b = append(b, word...)
		if spaced {
			b = append(b, ' ')
		}
		value = strings.TrimLeft(rest, " ")
	}
	return append(b, '\n')
}

// aroundHost divides sorted headers into those before and those after host.
func aroundHost(hs []Header) (before, after []Header) {
	i := 0
	for i < len(hs) && hs[i].Name < "host" {
		i++
	}
	return hs[:i], hs[i:]
}

// appendEscaped appends s as S3 wants it in a path: every byte but RFC 3986's unreserved ones and keep is %XX.
func appendEscaped(b []byte, keep byte, s string) []byte {
	const hexDigits = "0123456789ABCDEF"
	start := 0 // of what goes as it is
	for i := range len(s) {
		if c := s[i]; !unreserved[c] && c != keep {
			b = append(append(b, s[start:i]...), '%', hexDigits[c>>4], hexDigits[c&15])
			start = i + 1
		}
	}
	return append(b, s[start:]...)
}

// appendQueryEscaped appends s as SigV4 wants it in a query, where no reserved byte stays.
func appendQueryEscaped(b []byte, s string) []byte { return appendEscaped(b, '-', s) }

func queryEscaped(s string) string { return string(appendQueryEscaped(nil, s)) }

// unreserved marks RFC 3986 section 2.3: letters, digits, - . _ ~
var unreserved = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") {
		t[c] = true
	}
	return t
}()
