package server_test

import (
	"crypto/rand"
	"strings"
	"testing"
)

// methods are those that a path does not support, and malformed ones. An unknown method gets 405 and not 501: the
// contract requires it, because Allow then lists the supported methods.
func methods(s *service) []row {
	const not = "405 method-not-allowed"
	var rows []row
	for _, method := range []string{
		"TRACE", "PUT", "PATCH", "DELETE", "PROPFIND", "MKCOL", "COPY", "LOCK", "SEARCH", "QUERY", "DEBUG", "TRACK",
		"BREW", "PURGE",
		"post", "Post", "get", "GETS", "POST%20", "$", "PRI", strings.Repeat("A", 5000),
	} {
		name := method[:min(len(method), 20)]
		rows = append(rows, row{name: name, sent: s.head(method + " /import"), want: not, also: allows("OPTIONS, GET, POST")})
	}
	for _, c := range []struct{ line, want, allow string }{
		{"POST /healthz", not, "OPTIONS, GET, HEAD"}, {"DELETE /readyz", not, "OPTIONS, GET, HEAD"},
		{"POST /docs", not, "OPTIONS, GET, HEAD"}, {"PUT /openapi.yaml", not, "OPTIONS, GET, HEAD"},
		{"PUT /import/" + unknownID, not, "OPTIONS, DELETE, GET, HEAD"},
		{"POST /import/" + unknownID, not, "OPTIONS, DELETE, GET, HEAD"},
		{"PATCH /import/x", not, "OPTIONS, DELETE, GET, HEAD"},
		{"DELETE /import/" + unknownID + "/parts", not, "OPTIONS, GET, POST"},
		{"PUT /import/x/parts", not, "OPTIONS, GET, POST"},
		{"GET /import/" + unknownID + "/complete", not, "OPTIONS, POST"}, {"TRACE /import/x/complete", not, "OPTIONS, POST"},
		{"HEAD /import", "405", "OPTIONS, GET, POST"}, {"HEAD /import/" + unknownID, "404", ""},
		{"HEAD /import/x/parts", "405", "OPTIONS, GET, POST"}, {"HEAD /import/x/complete", "405", "OPTIONS, POST"},
		{"HEAD /healthz", "200", ""}, {"HEAD /readyz", "200", ""}, {"HEAD /docs", "200", ""},
		{"HEAD /docs/start.js", "200", ""},
		{"HEAD /docs/swagger-ui-bundle.js", "200", ""}, {"HEAD /openapi.yaml", "200", ""}, {"HEAD /openapi.json", "200", ""},
		{"HEAD /", "404", ""}, {"HEAD /nothing", "404", ""}, {"TRACE /nothing", "404 not-found", ""},
		{"PROPFIND /", "404 not-found", ""},
		{"OPTIONS /import", "204", "OPTIONS, GET, POST"}, {"OPTIONS /import/x", "204", "OPTIONS, DELETE, GET, HEAD"},
		{"OPTIONS /healthz", "204", "OPTIONS, GET, HEAD"}, {"OPTIONS /nothing", "404 not-found", ""},
	} {
		rows = append(rows, row{name: strings.ReplaceAll(c.line, unknownID, "id"), sent: s.head(c.line), want: c.want,
			also: allows(c.allow)})
	}
	for name, line := range map[string]string{
		"none": " /import", "a space before it": " GET /import", "a tab after it": "GET\t/import",
		"a bracket in it": "GE(T /import",
		"a colon in it":   "GET: /import", "a quote in it": `"GET" /import`,
		"NUL in it": "GE\x00T /import", "beyond ASCII": "GÉT /import", "CR in it": "GE\rT /import", "at": "GET@ /import",
		"two spaces": "GET  /import", "alone": "GET", "no target": "GET ",
		"two targets": "GET /import /healthz", "space after the target": "GET /import ", "a slash": "/GET /import",
		"braces":      "{} /import",
		"Kelvin sign": "LOC\u212a /import",
	} {
		rows = append(rows, row{name: "malformed: " + name, sent: s.head(line) + s.hidden(), want: refused})
	}
	return append(rows, row{name: "of 40,000 characters", sent: s.head(strings.Repeat("A", 40_000) + " /import"),
		want: "431 plain, closed"})
}

func allows(methods string) func(*testing.T, []reply) {
	return func(t *testing.T, r []reply) {
		t.Helper()
		if got := r[0].header.Get("Allow"); got != methods {
			t.Errorf("Allow: got %q, want %q", got, methods)
		}
	}
}

// versions are HTTP versions and malformed ones. The service accepts each HTTP/1 version. It closes HTTP/1.0
// connections after one request.
func versions(s *service) []row {
	of := func(version string, fields ...string) string {
		return bare("POST /import "+version, append([]string{"Host: " + s.address, "X-Api-Key: " + s.key}, fields...)...)
	}
	rows := []row{
		{name: "1.0", sent: of("HTTP/1.0"), want: "200, closed"},
		{name: "1.0 with keep-alive", sent: of("HTTP/1.0", "Connection: keep-alive") + s.hidden(),
			want: "200, closed"},
		{name: "1.0 with a body", sent: of("HTTP/1.0", "Content-Type: application/json", "Content-Length: 2") + "{}",
			want: "201, closed"},
		{name: "1.0 with Expect", sent: of("HTTP/1.0", "Content-Type: application/json", "Content-Length: 2",
			"Expect: 100-continue") + "{}", want: "201, closed"},
		{name: "1.1", sent: of("HTTP/1.1"), want: "200"},
		{name: "1.2", sent: of("HTTP/1.2"), want: "200"},
		{name: "1.9", sent: of("HTTP/1.9"), want: "200"},
		{name: "0.9, simple", sent: "GET /healthz\r\n", want: refused},
		{name: "0.9", sent: of("HTTP/0.9"), want: "505 plain, closed"},
		{name: "2.0", sent: of("HTTP/2.0"), want: "505 plain, closed"},
		{name: "3.0", sent: of("HTTP/3.0"), want: "505 plain, closed"},
		{name: "9.9", sent: of("HTTP/9.9"), want: "505 plain, closed"},
		{name: "2.0 by its preface", sent: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
			want: s.either("421 misdirected", "404 not-found") + ", closed"},
		{name: "2.0 by a preface with fields", sent: "PRI * HTTP/2.0\r\nHost: localhost\r\n\r\nSM\r\n\r\n",
			want: "404 not-found, 400 plain, closed"},
		// RFC 9112, section 2.2 allows it.
		{name: "LF alone", sent: strings.ReplaceAll(of("HTTP/1.1"), "\r\n", "\n"), want: "200"},
		{name: "LF alone, here and there", sent: strings.Replace(of("HTTP/1.1"), "\r\n", "\n", 1), want: "200"},
		{name: "CR alone", sent: strings.ReplaceAll(of("HTTP/1.1"), "\r\n", "\r"), fin: true, want: refused},
		// net/http allows it only after a POST.
		{name: "an empty line before it", sent: "\r\n" + of("HTTP/1.1"), want: refused},
		{name: "an empty line after a POST", sent: of("HTTP/1.1") + "\r\n" + s.get("/healthz"), want: "200, 200"},
		{name: "ten empty lines after a POST", sent: of("HTTP/1.1") + strings.Repeat("\r\n", 10) + s.get("/healthz"),
			want: "200, 400 plain, closed"},
		{name: "an empty line after a GET", sent: s.get("/healthz") + "\r\n" + s.get("/healthz"),
			want: "200, 400 plain, closed"},
	}
	for _, version := range []string{
		"HTTP/1.10", "HTTP/01.1", "HTTP/1", "HTTP/1.", "HTTP/.1", "HTTP/1,1", "HTTP/-1.1", "HTTP/+1.1", "HTTP/1.1x",
		"HTTP/1.1 x", "HTTP/1.1 ", " HTTP/1.1", "http/1.1", "Http/1.1", "HTTPS/1.1", "HTTP 1.1", "HTTP/x.y", "HTTP/１.1",
		"HTTP/1.1\x00", "HTTP/1.1\r", "ICY", "RTSP/1.0", "SIP/2.0",
	} {
		rows = append(rows, row{name: "malformed: " + version, sent: of(version) + s.hidden(), want: refused})
	}
	return rows
}

// otherProtocols are other protocols on the HTTP port. If the service waits for a line end, the client closes the
// connection here; in the slow rows, the service closes it.
func otherProtocols(s *service) []row {
	garbage := make([]byte, 64<<10)
	rand.Read(garbage)
	return []row{
		{name: "TLS with LF in it", sent: "\x16\x03\x01\x00\xf1\x01\x00\x00\xed\x03\x03\n" + strings.Repeat("\x00", 200),
			want: refused},
		{name: "TLS without", sent: "\x16\x03\x01\x00\xf1\x01\x00\x00\xed\x03\x03" + strings.Repeat("\x01", 200), fin: true,
			want: refused},
		{name: "SSH", sent: "SSH-2.0-OpenSSH_9.9\r\n", want: refused},
		{name: "SMTP", sent: "HELO evil.example\r\n", want: refused},
		{name: "Redis", sent: "*1\r\n$4\r\nPING\r\n", want: refused},
		{name: "SOCKS", sent: "\x05\x01\x00", fin: true, want: refused},
		{name: "PROXY", sent: "PROXY TCP4 203.0.113.7 203.0.113.8 56324 443\r\n" + s.get("/healthz"), want: refused},
		{name: "PROXY, version 2", sent: "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" +
			"\xcb\x00\x71\x07\xcb\x00\x71\x08\xdc\x04\x01\xbb" + s.get("/healthz"), want: refused},
		{name: "nothing", sent: "", fin: true, want: "closed"},
		{name: "NUL", sent: "\x00", fin: true, want: refused},
		{name: "half a line", sent: "GET /heal", fin: true, want: refused},
		{name: "half a header", sent: "GET /healthz HTTP/1.1\r\nHost: local", fin: true, want: refused},
		{name: "an answer", sent: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", want: refused},
		{name: "64 KiB without LF", sent: strings.Repeat("A", 64<<10), want: "431 plain, closed"},
		{name: "64 KiB of lines", sent: strings.Repeat("\n", 64<<10), want: refused},
		{name: "64 KiB of anything", sent: "\n" + string(garbage), want: refused},
	}
}
