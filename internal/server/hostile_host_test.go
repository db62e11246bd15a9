package server_test

import "testing"

// hosts are requests for other host names. A service without authentication accepts loopback names only. Otherwise a
// web page whose host name resolves to this machine could use it (DNS rebinding).
func hosts(s *service) []row {
	at := func(line string, fields ...string) string {
		return bare(line, append([]string{"X-Api-Key: " + s.key}, fields...)...)
	}
	const line = "POST /import HTTP/1.1"
	misdirected := s.either("421 misdirected", "200")
	rows := []row{
		{name: "missing", sent: at(line), want: refused},
		{name: "two", sent: at(line, "Host: localhost", "Host: localhost"), want: refused},
		{name: "two that differ", sent: at(line, "Host: localhost", "Host: evil.example"), want: refused},
		{name: "folded", sent: at(line, "Host: localhost\r\n .evil.example"), want: refused},
		{name: "empty", sent: at(line, "Host:"), want: misdirected},
		{name: "of HTTP/1.0, missing", sent: at("POST /import HTTP/1.0"), want: misdirected + ", closed"},
		{name: "of HTTP/1.0, another host", sent: at("POST /import HTTP/1.0", "Host: evil.example"),
			want: misdirected + ", closed"},
		{name: "of an unknown path at another host", sent: at("GET /nothing HTTP/1.1", "Host: evil.example"),
			want: s.either("421 misdirected", "404 not-found")},
		{name: "of health at another host", sent: at("GET /healthz HTTP/1.1", "Host: evil.example"), want: misdirected},
		{name: "of documents at another host", sent: at("GET /openapi.yaml HTTP/1.1", "Host: evil.example"),
			want: misdirected},
		{name: "of OPTIONS at another host", sent: at("OPTIONS /import HTTP/1.1", "Host: evil.example"),
			want: s.either("421 misdirected", "204")},
		{name: "of HEAD at another host", sent: at("HEAD /healthz HTTP/1.1", "Host: evil.example"),
			want: s.either("421", "200")},
		{name: "DNS rebinding", sent: at(line, "Host: evil.example", "Origin: http://evil.example"),
			want: misdirected},

		{name: "in the target, another host", sent: at("POST http://evil.example/import HTTP/1.1", "Host: localhost"),
			want: misdirected},
		{name: "in the target, loopback", sent: at("POST http://localhost/import HTTP/1.1", "Host: evil.example"),
			want: "200"},
		// A proxy may terminate TLS.
		{name: "in the target of https", sent: at("POST https://localhost/import HTTP/1.1", "Host: localhost"), want: "200"},
		{name: "in the target, without Host", sent: at("POST http://localhost/import HTTP/1.1"), want: refused},
		{name: "in the target, no path", sent: at("GET http://localhost HTTP/1.1", "Host: localhost"), want: "404 not-found"},
		{name: "in the target, malformed", sent: at("GET http://local%zzhost/ HTTP/1.1", "Host: localhost"), want: refused},
		{name: "in the target, with an invalid port", sent: at("GET http://localhost:x/ HTTP/1.1", "Host: localhost"),
			want: refused},
		{name: "in the target, with a line end", sent: at("GET http://localhost%0d%0a/ HTTP/1.1", "Host: localhost"),
			want: refused},
		{name: "alone, with GET", sent: at("GET localhost:80 HTTP/1.1", "Host: localhost"), want: "404 not-found"},
		{name: "alone, with CONNECT", sent: at("CONNECT evil.example:443 HTTP/1.1", "Host: evil.example:443") +
			"\x16\x03\x01", want: s.either("421 misdirected", "404 not-found") + ", closed", fin: true},
		{name: "CONNECT to a path", sent: at("CONNECT /import HTTP/1.1", "Host: localhost"), want: "405 method-not-allowed"},
		{name: "asterisk with OPTIONS", sent: at("OPTIONS * HTTP/1.1", "Host: localhost"), want: "200 bare"},
		{name: "asterisk with GET", sent: at("GET * HTTP/1.1", "Host: localhost"), want: "404 not-found"},
		{name: "another scheme", sent: at("GET javascript:alert(1) HTTP/1.1", "Host: localhost"), want: "404 not-found"},
		{name: "a file", sent: at("GET file:///etc/passwd HTTP/1.1", "Host: localhost"), want: "404 not-found"},
	}
	for _, host := range []string{
		"localhost", "LOCALHOST", "localhost:80", "localhost:", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:8080",
		"[::ffff:127.0.0.1]", "localhost:65536", "localhost:99999",
	} {
		rows = append(rows, row{name: "loopback: " + host, sent: at(line, "Host: "+host), want: "200"})
	}
	for _, host := range []string{
		"evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8080", "localhost.", "127.1", "2130706433",
		"0x7f000001", "0177.0.0.1", "0.0.0.0", "[::]", "[::1%25lo]", "169.254.169.254", "10.0.0.1", "[::ffff:10.0.0.1]",
		"localhost,evil.example", "evil.example:127", "localhost%2eevil.example", "local_host", ":80",
	} {
		rows = append(rows, row{name: "another host: " + host, sent: at(line, "Host: "+host), want: misdirected})
	}
	for _, host := range []string{
		"user@localhost", "user:word@localhost", "localhost/", "localhost?", "localhost#", `localhost\`, "local host",
		"<script>", "localhost\x00", "loc\u00e4lhost", `"localhost"`, "{localhost}", "http://localhost",
	} {
		rows = append(rows, row{name: "malformed: " + host, sent: at(line, "Host: "+host), want: refused})
	}
	for _, host := range []string{
		"localhost:x", "localhost:-1", "localhost:+80", "localhost:80:80", "[::1", "::1", "[localhost]", "127.0.0.1]",
		"[::1]x", "[::1]:x", "[127.0.0.1]",
	} {
		rows = append(rows, row{name: "malformed port or address: " + host, sent: at(line, "Host: "+host),
			want: "400 bad-host"})
	}
	return rows
}

// proxyHeaders have no effect, because no proxy is trusted. checkLog checks that the log has the address of the
// connection.
func proxyHeaders(s *service) []row {
	var rows []row
	for name, fields := range map[string][]string{
		"X-Forwarded-For":         {"X-Forwarded-For: 203.0.113.7"},
		"X-Forwarded-For, two":    {"X-Forwarded-For: 203.0.113.7", "X-Forwarded-For: 10.0.0.1"},
		"X-Forwarded-For, forged": {`X-Forwarded-For: 1.1.1.1","level":"ERROR`},
		"X-Real-IP": {"X-Real-IP: 203.0.113.7", "True-Client-IP: 203.0.113.7",
			"CF-Connecting-IP: 203.0.113.7"},
		"Forwarded": {`Forwarded: for="[2001:db8::1]";host=evil.example;proto=https`},
		"X-Forwarded-Host": {"X-Forwarded-Host: evil.example", "X-Host: evil.example",
			"X-Forwarded-Server: evil.example"},
		"X-Forwarded-Proto": {"X-Forwarded-Proto: https", "X-Forwarded-Scheme: https", "X-Forwarded-Port: 443",
			"X-Forwarded-Prefix: /evil"},
		"X-HTTP-Method-Override": {"X-HTTP-Method-Override: DELETE", "X-HTTP-Method: DELETE",
			"X-Method-Override: DELETE"},
		"X-Original-URL":               {"X-Original-URL: /nothing", "X-Rewrite-URL: /nothing", "X-Original-Method: DELETE"},
		"Connection that drops fields": {"Connection: X-Api-Key, Host, Content-Length"},
		"Upgrade to HTTP/2":            {"Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"},
		"Upgrade to a web socket": {"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="},
		"TE":                 {"TE: trailers, chunked", "Trailer: X-Api-Key, Content-Length"},
		"Max-Forwards":       {"Max-Forwards: 0"},
		"a caller of Lambda": {"X-Amzn-Request-Context: {}", "X-Amz-Security-Token: x", "X-Amzn-Trace-Id: Root=1"},
	} {
		id := s.fresh()
		rows = append(rows, row{name: name, sent: s.head("POST /import", append(fields, "X-Request-Id: "+id)...),
			want: "200", also: func(t *testing.T, _ []reply) {
				if line := s.logLine(t, id); line["method"] != "POST" || line["path"] != "/import" {
					t.Errorf("got %v, want POST /import", line)
				}
			}})
	}
	return append(rows,
		row{name: "X-Forwarded-Host, loopback",
			sent: bare("POST /import HTTP/1.1", "Host: evil.example", "X-Api-Key: "+s.key, "X-Forwarded-Host: localhost",
				"Forwarded: host=localhost"), want: s.either("421 misdirected", "200")},
		row{name: "X-Forwarded-Host with a foreign Origin",
			sent: s.head("POST /import", "X-Forwarded-Host: evil.example", "Origin: https://evil.example"),
			want: "403 origin-not-allowed"},
		row{name: "X-Original-URL of a known path",
			sent: s.get("/nothing", "X-Original-URL: /healthz", "X-Rewrite-URL: /healthz"), want: "404 not-found"},
		row{name: "X-HTTP-Method-Override of an unsupported method",
			sent: s.head("PUT /import", "X-HTTP-Method-Override: POST"), want: "405 method-not-allowed"},
	)
}
