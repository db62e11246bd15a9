package sigv4

import "strings"

// appendCanonicalEnd appends the part of a canonical request after the query: headers, signed header names, payload
// hash.
func appendCanonicalEnd(b []byte, host string, hs []Header) []byte {
	b = appendCanonicalHeaders(append(b, '\n'), host, hs)
	b = appendSignedHeaders(append(b, '\n'), ";", hs)
	return append(b, "\n"+unsignedPayload...)
}

// appendSignedHeaders appends the sorted names of hs and host, separated by sep.
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

// appendCanonicalHeaders appends a line for each of hs and for host, sorted.
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

// appendCanonicalHeader appends a header's line. It trims the value and merges runs of spaces, as S3 does with the
// client's headers.
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

// aroundHost splits sorted headers into those before and after host.
func aroundHost(hs []Header) (before, after []Header) {
	i := 0
	for i < len(hs) && hs[i].Name < "host" {
		i++
	}
	return hs[:i], hs[i:]
}

// appendEscaped appends s for a path: it escapes every byte but keep and the unreserved characters of RFC 3986.
func appendEscaped(b []byte, keep byte, s string) []byte {
	const hexDigits = "0123456789ABCDEF"
	start := 0 // of the bytes that need no escape
	for i := range len(s) {
		if c := s[i]; !unreserved[c] && c != keep {
			b = append(append(b, s[start:i]...), '%', hexDigits[c>>4], hexDigits[c&15])
			start = i + 1
		}
	}
	return append(b, s[start:]...)
}

// appendQueryEscaped appends s for a query, in which SigV4 escapes every reserved character.
func appendQueryEscaped(b []byte, s string) []byte { return appendEscaped(b, '-', s) }

func queryEscaped(s string) string { return string(appendQueryEscaped(nil, s)) }

// unreserved marks the unreserved characters of RFC 3986, section 2.3: letters, digits, - . _ ~
var unreserved = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") {
		t[c] = true
	}
	return t
}()
