package server_test

import (
	"fmt"
	"strings"
)

// refused is the response of net/http to a malformed request. It closes the connection, so that nothing after the
// request is read as another one.
const refused = "400 plain, closed"

// incomplete is the response of the service to a malformed body, which closes the connection likewise.
const incomplete = "400 body-incomplete, closed"

// hidden returns a request that must not be read as one when it is part of another request's body (request smuggling).
func (s *service) hidden() string { return s.get("/healthz", "X-Request-Id: hidden") }

// lengths are requests with several or invalid values of Content-Length (RFC 9112, section 6.3).
func lengths(s *service) []row {
	rows := []row{
		{name: "two that differ", sent: s.post("{}x", "Content-Length: 2", "Content-Length: 3") + s.hidden(), want: refused},
		{name: "two that are equal", sent: s.post("{}", "Content-Length: 2", "Content-Length: 2"), want: "201"},
		{name: "two in different spelling", sent: s.post("{}", "Content-Length: 2", "Content-Length: 02") + s.hidden(),
			want: refused},
		{name: "in another case", sent: s.post("{}", "cOnTeNt-LeNgTh: 2"), want: "201"},
		{name: "space before the colon", sent: s.post("{}", "Content-Length : 2") + s.hidden(), want: refused},
		{name: "folded", sent: s.post("{}", "Content-Length:\r\n 2"), want: "201"},
		{name: "folded in two", sent: s.post("{}", "Content-Length: 2\r\n 2") + s.hidden(), want: refused},
		{name: "with underscore, which is another field", sent: s.post("", "Content_Length: 9"), want: "200"},
		{name: "missing, with a body", sent: s.post("{}\r\n\r\n"), want: "200, 400 plain, closed"},
		{name: "0, and a request after it", sent: s.post(s.get("/healthz"), "Content-Length: 0"), want: "200, 200"},
		{name: "too short, so that the rest is a request", sent: s.post("{}"+s.get("/healthz"), "Content-Length: 2"),
			want: "201, 200"},
		{name: "too short, so that the rest is malformed", sent: s.post("{}xyz\r\n\r\n", "Content-Length: 2"),
			want: "201, 400 plain, closed"},
		{name: "too long", sent: s.post("{}", "Content-Length: 3"), fin: true, want: incomplete},
	}
	for name, value := range map[string]string{
		"negative": "-2", "with a plus sign": "+2", "hexadecimal": "0x2", "with a space inside": "2 2",
		"a list of equals": "2, 2",
		"a list":           "2, 3", "with a fraction": "2.0", "with an exponent": "2e0", "with underscore": "1_0",
		"empty":          "",
		"a word":         "two",
		"beyond 64 bits": "18446744073709551618", "beyond 63 bits": "9223372036854775808",
		"of many digits":         strings.Repeat("9", 99),
		"with full-width digits": "２", "with NUL": "2\x00", "with CR": "2\r2", "with a quoted digit": `"2"`,
		"with a semicolon": "2;",
	} {
		rows = append(rows, row{name: name, sent: s.post("{}", "Content-Length: "+value) + s.hidden(), want: refused})
	}
	for name, value := range map[string]string{"with zeros before it": "0002", "with white space around it": " \t2 \t"} {
		rows = append(rows, row{name: name, sent: s.post("{}", "Content-Length:"+value), want: "201"})
	}
	return rows
}

// codings are requests with Transfer-Encoding, with and without Content-Length (RFC 9112, section 6.1).
func codings(s *service) []row {
	const end = "0\r\n\r\n"
	both := fmt.Sprintf("Content-Length: %d", len(end+s.hidden()))
	rows := []row{
		{name: "a length before it", sent: s.post(end, "Content-Length: 5", chunked), want: "200, closed"},
		{name: "a length after it", sent: s.post(end, chunked, "Content-Length: 5"), want: "200, closed"},
		{name: "a length that hides a request", sent: s.post(end+s.hidden(), both, chunked), want: "200, closed"},
		{name: "a length that is wrong", sent: s.post(end+s.hidden(), "Content-Length: 3", chunked), want: "200, closed"},
		{name: "two lengths", sent: s.post(end+s.hidden(), "Content-Length: 5", "Content-Length: 6", chunked), want: refused},
		{name: "an invalid length", sent: s.post(end+s.hidden(), "Content-Length: x", chunked), want: refused},
		{name: "space before the colon", sent: s.post(end+s.hidden(), "Transfer-Encoding : chunked"), want: refused},
		{name: "folded", sent: s.post("2\r\n{}\r\n"+end, "Transfer-Encoding:\r\n chunked"), want: "201, closed"},
		{name: "after a bare CR", sent: s.post(end+s.hidden(), "X: y\r"+chunked), want: refused},
		{name: "after a bare LF, which ends a line", sent: s.post("2\r\n{}\r\n"+end, "X: y\n"+chunked), want: "201, closed"},
		{name: "with underscore, which is another field",
			sent: s.post("{}", "Transfer_Encoding: chunked", "Content-Length: 2"), want: "201"},
		{name: "of HTTP/1.0", sent: s.http10(end+s.hidden(), chunked), want: "200, closed"},
		{name: "of HTTP/1.0, with a length", sent: s.http10("2\r\n"+s.hidden(), chunked, "Content-Length: 3"),
			want: "415 unsupported-media-type, closed"},
		{name: "in the trailer", sent: s.post("0\r\n"+chunked+"\r\n\r\n", chunked), want: "200, closed"},
	}
	for name, fields := range map[string][]string{
		"unknown": {"Transfer-Encoding: xchunked"}, "identity": {"Transfer-Encoding: identity"},
		"gzip":                   {"Transfer-Encoding: gzip"},
		"gzip, then chunked":     {"Transfer-Encoding: gzip, chunked"},
		"chunked, then identity": {"Transfer-Encoding: chunked, identity"},
		"chunked twice":          {"Transfer-Encoding: chunked, chunked"}, "quoted": {`Transfer-Encoding: "chunked"`},
		"with a parameter": {"Transfer-Encoding: chunked;q=1"}, "empty": {"Transfer-Encoding:"},
		"folded in two": {"Transfer-Encoding: chun\r\n ked"},
		"two fields":    {chunked, chunked}, "two fields, one of identity": {chunked, "Transfer-Encoding: identity"},
		"two fields, one unknown": {"Transfer-Encoding: x", chunked}, "with a comma": {"Transfer-Encoding: ,chunked"},
		"beyond ASCII": {"Transfer-Encoding: chun\u212aed"}, "with a no-break space": {"Transfer-Encoding: \u00a0chunked"},
	} { // RFC 9112 requires 501 for an unknown coding and 400 if chunked is not the last; net/http returns 501 for all
		rows = append(rows, row{name: name, sent: s.post(end+s.hidden(), append(fields, "Content-Length: 5")...),
			want: "501 plain, closed"})
	}
	for name, value := range map[string]string{"a vertical tab before it": "\vchunked", "NUL after it": "chunked\x00",
		"CR inside": "chun\rked"} {
		rows = append(rows, row{name: name, sent: s.post(end+s.hidden(), "Transfer-Encoding: "+value), want: refused})
	}
	for name, value := range map[string]string{"in capitals": " CHUNKED", "a tab before it": "\tchunked",
		"white space after it": "chunked \t"} {
		rows = append(rows, row{name: name, sent: s.post("2\r\n{}\r\n"+end, "Transfer-Encoding:"+value), want: "201, closed"})
	}
	return rows
}

// http10 returns an HTTP/1.0 request with Connection: keep-alive and this body.
func (s *service) http10(body string, fields ...string) string {
	return bare("POST /import HTTP/1.0",
		append([]string{"Host: " + s.address, "X-Api-Key: " + s.key, "Connection: keep-alive"}, fields...)...) + body
}

// chunks are chunked bodies (RFC 9112, section 7.1). The service closes the connection also after a valid one, because
// net/http does not report whether the request had a Content-Length as well.
func chunks(s *service) []row {
	var rows []row
	for name, body := range map[string]string{
		"one":                        "2\r\n{}\r\n0\r\n\r\n",
		"two":                        "1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
		"an extension":               "2;a=b\r\n{}\r\n0\r\n\r\n",
		"an extension in quotes":     "2;a=\"b;c\"\r\n{}\r\n0;z\r\n\r\n",
		"zeros before the size":      "0002\r\n{}\r\n000\r\n\r\n",
		"space after the size":       "2 \r\n{}\r\n0\r\n\r\n", // some senders write it
		"a trailer":                  "2\r\n{}\r\n0\r\nX: y\r\n\r\n",
		"a trailer that is a length": "2\r\n{}\r\n0\r\nContent-Length: 99\r\n\r\n",
		"a trailer that is a key":    "2\r\n{}\r\n0\r\nX-Api-Key: other\r\n\r\n",
	} {
		rows = append(rows, row{name: name, sent: s.post(body, chunked), want: "201, closed"})
	}
	rows = append(rows, row{name: "none", sent: s.post("0\r\n\r\n", chunked), want: "200, closed"})
	for name, body := range map[string]string{
		"size of 65 bits":              "10000000000000002\r\n{}\r\n0\r\n\r\n",
		"size of many digits":          strings.Repeat("0", 99) + "2\r\n{}\r\n0\r\n\r\n",
		"size below zero":              "-2\r\n{}\r\n0\r\n\r\n",
		"size with a plus sign":        "+2\r\n{}\r\n0\r\n\r\n",
		"size with 0x":                 "0x2\r\n{}\r\n0\r\n\r\n",
		"size that is no number":       "zz\r\n{}\r\n0\r\n\r\n",
		"size left out":                "\r\n{}\r\n0\r\n\r\n",
		"space before the size":        " 2\r\n{}\r\n0\r\n\r\n",
		"an underscore in the size":    "0_2\r\n{}\r\n0\r\n\r\n",
		"LF alone after the size":      "2\n{}\r\n0\r\n\r\n",
		"LF alone in an extension":     "2;a\n{}\r\n0\r\n\r\n",
		"CR alone in an extension":     "2;a\rb\r\n{}\r\n0\r\n\r\n",
		"no line end after the chunk":  "2\r\n{}0\r\n\r\n",
		"LF alone after the chunk":     "2\r\n{}\n0\r\n\r\n",
		"a chunk longer than its size": "1\r\n{}\r\n0\r\n\r\n",
		"an extension of 5,000 bytes":  "2;" + strings.Repeat("a", 5000) + "\r\n{}\r\n0\r\n\r\n",
		"extensions without end":       strings.Repeat("1;"+strings.Repeat("a", 1000)+"\r\n \r\n", 30) + "0\r\n\r\n",
		"a trailer without colon":      "2\r\n{}\r\n0\r\nnonsense\r\n\r\n",
		"a trailer with a space":       "2\r\n{}\r\n0\r\n X: y\r\n\r\n",
		"a trailer with NUL":           "2\r\n{}\r\n0\r\nX: \x00\r\n\r\n",
		"a trailer that is a request":  "2\r\n{}\r\n0\r\n" + s.get("/healthz", "X-Request-Id: hidden"),
		"a trailer of 5,000 bytes":     "2\r\n{}\r\n0\r\nX: " + strings.Repeat("y", 5000) + "\r\n\r\n",
	} {
		rows = append(rows, row{name: name, sent: s.post(body, chunked) + s.hidden(), want: incomplete})
	}
	for name, body := range map[string]string{
		"size of 64 bits":   "FFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n",
		"no last chunk":     "2\r\n{}\r\n",
		"no last line":      "2\r\n{}\r\n0\r\n",
		"half a line end":   "2\r\n{}\r\n0\r\n\r",
		"a size and no end": "2",
	} {
		rows = append(rows, row{name: name, sent: s.post(body, chunked), fin: true, want: incomplete})
	}
	return rows
}

// hiddenRequests are part of the body of another request and must not be served, whatever its response is. The last
// rows are pipelined requests, which are served unless the connection closes.
func hiddenRequests(s *service) []row {
	inside := s.hidden()
	in := func(line string, fields ...string) string {
		return s.head(line, append(fields, length(inside))...) + inside
	}
	chunk := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(inside), inside)
	return []row{
		{name: "in a body that is read", sent: s.json(inside), want: "400 invalid-json"},
		{name: "in a body of another type", sent: in("POST /import", "Content-Type: text/plain"),
			want: "415 unsupported-media-type"},
		{name: "in a chunk", sent: s.post(chunk, chunked), want: "400 invalid-json, closed"},
		{name: "in a body of GET", sent: in("GET /healthz"), want: "200"},
		{name: "in a body of HEAD", sent: in("HEAD /healthz"), want: "200"},
		{name: "in a body of OPTIONS", sent: in("OPTIONS /import"), want: "204"},
		{name: "in a body of DELETE", sent: in("DELETE /import/" + unknownID), want: "404 import-not-found"},
		{name: "in a body of TRACE", sent: in("TRACE /import"), want: "405 method-not-allowed"},
		{name: "in a body to an unknown path", sent: in("POST /nothing"), want: "404 not-found"},
		{name: "in a chunk to an unknown path", sent: s.head("POST /nothing", chunked) + chunk,
			want: "404 not-found, closed"},
		{name: "in a bad chunk to an unknown path",
			sent: s.head("POST /nothing", chunked) + "2\r\n{}\r\n0\r\nnonsense\r\n" + inside, want: "404 not-found, closed"},
		{name: "in a body with a foreign Origin", sent: in("POST /import", "Origin: https://evil.example"),
			want: "403 origin-not-allowed"},
		{name: "in a body with too long a header", sent: in("POST /import", "X: "+strings.Repeat("x", 17<<10)),
			want: "431 header-too-large"},
		{name: "in a body with too long a target", sent: in("POST /" + strings.Repeat("x", 5000)),
			want: "414 uri-too-long"},
		{name: "in a body with a wrong key",
			sent: bare("POST /import HTTP/1.1", "Host: "+s.address, "X-Api-Key: wrong", length(inside)) + inside,
			want: s.either("415 unsupported-media-type", "401 unauthenticated")},
		{name: "in a body after 100,000 bytes of white space", sent: s.json(strings.Repeat(" ", 100_000) + inside),
			want: "400 invalid-json"},
		{name: "in a body that is too large", sent: s.json(strings.Repeat(" ", 300<<10) + inside),
			want: "413 body-too-large, closed"},
		{name: "in a body with Upgrade",
			sent: in("POST /nothing", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"),
			want: "404 not-found"},
		{name: "after a GET", sent: s.get("/healthz") + s.get("/nothing"), want: "200, 404 not-found"},
		{name: "after an untracked import", sent: s.head("POST /import") + s.get("/nothing"), want: "200, 404 not-found"},
		{name: "after a body", sent: s.json("{}") + s.get("/nothing"), want: "201, 404 not-found"},
		{name: "after a malformed body", sent: s.json("{]") + s.get("/healthz"), want: "400 invalid-json, 200"},
		{name: "after Connection: close", sent: s.get("/healthz", "Connection: close") + s.hidden(), want: "200, closed"},
		{name: "after Connection: close among others", sent: s.get("/healthz", "Connection: x, CLOSE") + s.hidden(),
			want: "200, closed"},
	}
}
