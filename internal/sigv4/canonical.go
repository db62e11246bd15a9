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
	start := len(b)
	name := func(n string) {
		if len(b) > start {
			b = append(b, sep...)
		}
		b = append(b, n...)
	}
	eachHeader(hs, func(h Header) { name(h.Name) }, func() { name("host") })
	return b
}

// appendCanonicalHeaders appends a line for each of hs and for host, in order, values trimmed and their runs of spaces made
// one. S3 does the same with what the client sends.
func appendCanonicalHeaders(b []byte, host string, hs []Header) []byte {
	line := func(name, value string) {
		b = append(append(b, name...), ':')
		space := false
		for _, c := range []byte(strings.TrimSpace(value)) {
			if c == ' ' && space {
				continue
			}
			space = c == ' '
			b = append(b, c)
		}
		b = append(b, '\n')
	}
	eachHeader(hs, func(h Header) { line(h.Name, h.Value) }, func() { line("host", host) })
	return b
}

// eachHeader visits sorted headers with host in its place among them.
func eachHeader(hs []Header, visit func(Header), host func()) {
	i := 0
	for ; i < len(hs) && hs[i].Name < "host"; i++ {
		visit(hs[i])
	}
	host()
	for ; i < len(hs); i++ {
		visit(hs[i])
	}
}

// appendEscaped appends s as S3 wants it in a path: every byte but RFC 3986's unreserved ones and keep is %XX.
func appendEscaped(b []byte, keep byte, s string) []byte {
	const hexDigits = "0123456789ABCDEF"
	for i := range len(s) {
		if c := s[i]; unreserved[c] || c == keep {
			b = append(b, c)
		} else {
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return b
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
