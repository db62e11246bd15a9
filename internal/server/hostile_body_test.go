package server_test

import (
	"fmt"
	"strings"
)

// jsonBodies are malformed, ambiguous, deep and large JSON texts (RFC 8259).
func jsonBodies(s *service) []row {
	var rows []row
	for want, bodies := range map[string]map[string]string{
		"400 invalid-json": {
			"two values": `{}{}`, "something after it": `{} x`, "NUL after it": "{}\x00", "cut short": `{"size":1`,
			"white space alone": " \n", "a comma too many": `{"size":1,}`, "a comma alone": `{,}`,
			"a comment": `{/*c*/}`, "a comment of a line": "{}//c", "a hash": "{}#", "NaN": `{"size":NaN}`,
			"infinity":          `{"size":Infinity}`,
			"negative infinity": `{"size":-Infinity}`, "hexadecimal": `{"size":0x10}`,
			"leading zero": `{"size":01}`, "plus sign": `{"size":+1}`, "point first": `{"size":.5}`, "point last": `{"size":1.}`,
			"apostrophes": `{'size':1}`, "no quotes": `{size:1}`, "no colon": `{"size" 1}`,
			"upper case": `{"write_once":TRUE}`, "undefined": `{"size":undefined}`, "a raw line end": "{\"filename\":\"a\nb\"}",
			"a raw NUL": "{\"filename\":\"a\x00b\"}", "a raw tab": "{\"filename\":\"a\tb\"}",
			"a bad escape": `{"filename":"\x41"}`, "half an escape": `{"filename":"\u00"}`,
			"a member twice":          `{"size":1,"size":2}`,
			"a member twice, escaped": `{"size":1,"\u0073ize":2}`,
			"a member twice, deep":    `{"metadata":{"a":"1","a":"2"}}`, "an unknown member twice": `{"a":1,"a":1}`,
			"not UTF-8": "{\"filename\":\"\xff\"}", "overlong UTF-8": "{\"filename\":\"\xc0\xaf\"}",
			"a surrogate in UTF-8": "{\"filename\":\"\xed\xa0\x80\"}", "half a surrogate pair": `{"filename":"\ud800"}`,
			"the other half": `{"filename":"\udc00"}`, "halves in the wrong order": `{"filename":"\udc00\ud800"}`,
			"half a pair in a name": `{"\ud800":1}`, "a byte-order mark": "\xef\xbb\xbf{}", "UTF-16": "\xff\xfe{\x00}\x00",
			"UTF-16 without mark": "{\x00}\x00", "UTF-32": "{\x00\x00\x00}\x00\x00\x00", "gzip": "\x1f\x8b\x08\x00",
			"a no-break space": "{}\u00a0", "a form feed": "{}\f", "markup": "<a/>", "a form": "size=1&mode=single",
			"a multipart form":           "--x\r\nContent-Disposition: form-data; name=\"size\"\r\n\r\n1\r\n--x--\r\n",
			"18 levels":                  strings.Repeat("[", 18) + strings.Repeat("]", 18),
			"10,000 levels":              strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
			"10,000 levels of objects":   strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000),
			"100,000 levels without end": strings.Repeat("[", 100_000),
			"a name without end":         `{"` + strings.Repeat("a", 100_000),
			"a request":                  s.get("/healthz"),
		},
		"400 invalid-request": {
			"an array": `[]`, "a string": `"x"`, "an empty string": `""`, "null": `null`, "true": `true`, "a number": `1`,
			"a huge number": strings.Repeat("9", 100_000), "an array of objects": `[{}]`,
			"17 levels":         strings.Repeat("[", 17) + strings.Repeat("]", 17),
			"an unknown member": `{"sise":1}`, "another case": `{"Size":1}`, "__proto__": `{"__proto__":{"size":1}}`,
			"constructor": `{"constructor":{"prototype":{}}}`, "an empty name": `{"":1}`, "a name with NUL": `{"size\u0000":1}`,
			"a name of 100,000 bytes":          `{"` + strings.Repeat("a", 100_000) + `":1}`,
			"a name that looks like a pointer": `{"a/b~c\r\nX: y":1}`,
			"a string for a number":            `{"size":"1"}`, "null for a number": `{"size":null}`,
			"an array for a number": `{"size":[1]}`,
			"a fraction":            `{"size":1.5}`, "a fraction of nothing": `{"size":1.0}`, "an exponent": `{"size":1e3}`,
			"negative": `{"size":-1}`, "beyond 63 bits": `{"size":9223372036854775808}`,
			"beyond 64 bits":             `{"size":18446744073709551617}`,
			"beyond floating point":      `{"size":1e999}`,
			"an exponent of many digits": `{"size":1e` + strings.Repeat("9", 1000) + `}`,
			"a number of many digits":    `{"size":` + strings.Repeat("9", 100_000) + `}`,
			"a fraction of many digits":  `{"size":0.` + strings.Repeat("1", 100_000) + `}`,
			"one byte too large":         `{"size":53687091200001}`,
			"a path for a name":          `{"filename":"../../etc/passwd"}`, "a backslash": `{"filename":"a\\b"}`,
			"NUL in a name": `{"filename":"a\u0000b"}`, "a line end in a name": `{"filename":"a\r\nX: y"}`,
			"DEL in a name":                 `{"filename":"a\u007f"}`,
			"a line end in a type":          `{"content_type":"text/csv\r\nx: y"}`,
			"a line end in metadata":        `{"metadata":{"a":"b\r\nx-amz-acl: public-read"}}`,
			"a line end in a metadata name": `{"metadata":{"a\r\nx":"b"}}`, "metadata beyond ASCII": `{"metadata":{"a":"é"}}`,
			"a colon in a metadata name": `{"metadata":{"a:b":"c"}}`, "an empty metadata name": `{"metadata":{"":"c"}}`,
			"metadata in depth":        `{"metadata":{"a":{"b":"c"}}}`,
			"metadata of 50,000 bytes": `{"metadata":{"a":"` + strings.Repeat("b", 50_000) + `"}}`,
			"an unknown mode":          `{"mode":"double"}`,
			"an unknown algorithm":     `{"checksum":{"algorithm":"md5","value":"AAAAAAAA"}}`,
			"no end":                   `{"expires_in":604801}`, "parts too small": `{"part_size":1}`,
			"6,000 unknown members": many(6000), "6,000 metadata": `{"metadata":` + many(6000) + `}`,
		},
		"201": {
			"white space around": " \r\n\t{} \r\n\t", "minus zero": `{"size":-0}`, "the largest size": `{"size":53687091200000}`,
			"a name beyond the first plane": `{"filename":"\ud83d\ude00"}`,
			"a name right to left":          `{"filename":"\u202egpj.exe"}`,
			"markup in a name":              `{"filename":"<img src=x onerror=alert(1)>.html"}`,
			"quotes in a name":              `{"filename":"a\"; filename=b.exe; x=\""}`,
			"percent in a name":             `{"filename":"%0d%0aX: y"}`,
			"escapes":                       `{"\u0073ize":1}`,
			"a type that a browser runs":    `{"content_type":"text/html"}`,
			"metadata like a header":        `{"metadata":{"x-amz-acl":"public-read"}}`,
		},
	} {
		for name, body := range bodies {
			rows = append(rows, row{name: name, sent: s.json(body), want: want})
		}
	}
	at := func(path, body string) string {
		return s.head("POST /import/"+unknownID+path, "Content-Type: application/json", length(body)) + body
	}
	return append(rows,
		row{name: "parts, none", sent: at("/parts", ""), want: "400 body-missing"},
		row{name: "parts, null", sent: at("/parts", "null"), want: "400 invalid-request"},
		row{name: "parts of no number", sent: at("/parts", `{"part_numbers":[0]}`), want: "400 invalid-request"},
		row{name: "parts without end", sent: at("/parts", `{"part_numbers":[`+strings.Repeat("0,", 20_000)+`0]}`),
			want: "400 invalid-request"},
		row{name: "parts, other types", sent: at("/parts", `{"part_numbers":[`+strings.Repeat(`"",`, 20_000)+`""]}`),
			want: "400 invalid-request"},
		row{name: "parts, checksums without end", sent: at("/parts", `{"first":1,"count":1,"checksums":`+many(6000)+`}`),
			want: "400 invalid-request"},
		row{name: "parts past the last", sent: at("/parts", `{"first":10000,"count":1000}`), want: "404 import-not-found"},
		row{name: "complete, an array", sent: at("/complete", "[]"), want: "400 invalid-request"},
		row{name: "complete, parts named", sent: at("/complete", `{"parts":[{"part_number":1,"etag":"x"}]}`),
			want: "400 invalid-request"},
	)
}

// many returns an object with n members.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"k%d":1`, i)
	}
	return "{" + b.String()[1:] + "}"
}

// mediaTypes: a body must be JSON in UTF-8 without a content coding.
func mediaTypes(s *service) []row {
	var rows []row
	for want, list := range map[string]map[string][]string{
		"201": {
			"JSON": {"application/json"}, "in capitals": {"APPLICATION/JSON"},
			"with charset":           {"application/json; charset=utf-8"},
			"with charset in quotes": {`application/json;charset="UTF-8"`},
			"with another parameter": {"application/json; version=1"},
		},
		"415 unsupported-charset": {
			"Latin 1": {"application/json; charset=iso-8859-1"}, "UTF-16": {"application/json; charset=utf-16"},
			"UTF-7": {"application/json; charset=utf-7"}, "UTF8 without hyphen": {"application/json; charset=utf8"},
		},
		"415 unsupported-media-type": {
			"none": {}, "empty": {""}, "a form": {"application/x-www-form-urlencoded"},
			"a multipart form": {"multipart/form-data; boundary=x"}, "text, which needs no preflight": {"text/plain"},
			"text that looks like JSON": {"text/plain; application/json"},
			"JSON as text":              {"text/json"}, "JSON of a kind": {"application/problem+json"},
			"many JSONs": {"application/json-seq"},
			"XML":        {"application/xml"}, "anything": {"*/*"}, "two in one": {"application/json, text/plain"},
			"two":            {"application/json", "text/plain"},
			"twice the same": {"application/json", "application/json"}, "broken": {"application/json;;"},
			"charset twice":           {"application/json; charset=utf-8; charset=utf-16"},
			"a parameter without end": {`application/json; charset="utf-8`}, "a space inside": {"application /json"},
			"a word": {"json"}, "with NUL encoded": {"application/json%00"}, "beyond ASCII": {"application/jsoné"},
			"of 8,000 bytes": {"application/" + strings.Repeat("j", 8000)},
		},
	} {
		for name, values := range list {
			fields := []string{length("{}")}
			for _, value := range values {
				fields = append(fields, "Content-Type: "+value)
			}
			rows = append(rows, row{name: name, sent: s.head("POST /import", fields...) + "{}", want: want})
		}
	}
	for _, coding := range []string{"gzip", "deflate", "br", "zstd", "x-gzip", "GZIP", "identity, gzip", "gzip, gzip",
		"unknown", "*", "chunked"} {
		rows = append(rows, row{name: "coding " + coding, sent: s.json("\x1f\x8b\x08\x00", "Content-Encoding: "+coding),
			want: "415 unsupported-content-encoding"})
	}
	return append(rows,
		row{name: "coding identity", sent: s.json("{}", "Content-Encoding: Identity"), want: "201"},
		row{name: "two codings", sent: s.json("{}", "Content-Encoding: identity", "Content-Encoding: gzip"),
			want: "415 unsupported-content-encoding"},
		row{name: "a bad type and no body",
			sent: s.head("POST /import", "Content-Type: text/plain", "Content-Encoding: gzip"), want: "200"},
		row{name: "a bad type and an empty chunk",
			sent: s.head("POST /import", "Content-Type: text/plain", chunked) + "0\r\n\r\n", want: "200, closed"},
	)
}

// bodies have all sizes. The service reads a body within the limit even if it rejects the request, so that the
// connection can be used again.
func bodies(s *service) []row {
	const most = 128 << 10
	padded := func(n int) string { return strings.Repeat(" ", n-2) + "{}" }
	inChunks := func(body string, size int) string {
		var b strings.Builder
		for len(body) > 0 {
			n := min(size, len(body))
			fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
			body = body[n:]
		}
		return b.String() + "0\r\n\r\n"
	}
	return []row{
		{name: "as large as allowed", sent: s.json(padded(most)), want: "201"},
		{name: "one byte too large", sent: s.json(padded(most + 1)), want: "413 body-too-large"},
		{name: "as large as allowed, in chunks", sent: s.post(inChunks(padded(most), 1000), chunked), want: "201, closed"},
		{name: "one byte too large, in chunks", sent: s.post(inChunks(padded(most+1), 1000), chunked),
			want: "413 body-too-large, closed"},
		{name: "in chunks of one byte", sent: s.post(inChunks(padded(10_000), 1), chunked), want: "201, closed"},
		{name: "10 MiB", sent: s.json(padded(10 << 20)), want: "413 body-too-large, closed"},
		{name: "10 MiB in chunks", sent: s.post(inChunks(padded(10<<20), 64<<10), chunked),
			want: "413 body-too-large, closed"},
		{name: "10 MiB to an unknown path", sent: s.head("POST /nothing", length(padded(10<<20))) + padded(10<<20),
			want: "413 body-too-large, closed"},
		{name: "10 MiB in chunks to an unknown path",
			sent: s.head("POST /nothing", chunked) + inChunks(padded(10<<20), 64<<10),
			want: "404 not-found, closed"},
		{name: "10 MiB with GET", sent: s.head("GET /import?cursor="+unknownID, length(padded(10<<20))) + padded(10<<20),
			want: "413 body-too-large, closed"},
		{name: "100,000 bytes with GET",
			sent: s.head("GET /import?cursor="+unknownID, length(padded(100_000))) + padded(100_000), want: "200"},
		{name: "100,000 bytes with DELETE",
			sent: s.head("DELETE /import/"+unknownID, length(padded(100_000))) + padded(100_000), want: "404 import-not-found"},
		{name: "100,000 bytes to health", sent: s.head("GET /healthz", length(padded(100_000))) + padded(100_000),
			want: "200"},
		{name: "chunks to health", sent: s.head("GET /healthz", chunked) + inChunks(padded(1000), 10), want: "200, closed"},
		{name: "ends early", sent: s.post("{}", "Content-Length: 10"), fin: true, want: incomplete},
		{name: "ends before it begins", sent: s.post("", "Content-Length: 10"), fin: true, want: incomplete},
		{name: "ends early at an unknown path", sent: s.head("POST /nothing", "Content-Length: 10") + "{}", fin: true,
			want: "404 not-found, closed"},
	}
}

// expectations use Expect (RFC 9110, section 10.1.1). A request that is rejected without its body gets no 100 Continue.
func expectations(s *service) []row {
	const cont = "Expect: 100-continue"
	held := func(line string, fields ...string) string { // the client never sends the body
		return s.head(line, append(fields, cont, "Content-Type: application/json", "Content-Length: 2")...)
	}
	rows := []row{
		{name: "continue", sent: s.json("{}", cont), want: "100, 201"},
		{name: "continue in capitals", sent: s.json("{}", "Expect: 100-CONTINUE"), want: "100, 201"},
		{name: "continue in chunks", sent: s.post("2\r\n{}\r\n0\r\n\r\n", cont, chunked), want: "100, 201, closed"},
		{name: "continue with a bad body", sent: s.json("{]", cont), want: "100, 400 invalid-json"},
		{name: "continue without a body", sent: s.head("POST /import", cont), want: "200"},
		{name: "continue with GET", sent: s.get("/healthz", cont), want: "200"},
		{name: "continue, and one more", sent: s.json("{}", "Expect: 100-continue, x"), want: "100, 201"},
		{name: "empty", sent: s.json("{}", "Expect:"), want: "201"},
		{name: "continue with too large a body", sent: s.post("", cont, "Content-Length: 300000"),
			want: "413 body-too-large, closing"},
		{name: "continue with one byte too many", sent: s.post("", cont, "Content-Length: 131073"),
			want: "413 body-too-large, closing"},
		{name: "continue at an unknown path", sent: held("POST /nothing"), want: "404 not-found, closing"},
		{name: "continue with another method", sent: held("PUT /import"), want: "405 method-not-allowed, closing"},
		{name: "continue with a foreign Origin", sent: held("POST /import", "Origin: https://evil.example"),
			want: "403 origin-not-allowed, closing"},
		{name: "continue with a bad parameter", sent: held("POST /import", "Idempotency-Key: a b"),
			want: "400 invalid-request, closing"},
		{name: "continue at health", sent: held("GET /healthz"), want: "200, closing"},
		{name: "continue at another host",
			sent: bare("POST /import HTTP/1.1", "Host: evil.example", cont, "Content-Length: 2"),
			want: s.either("421 misdirected", "401 unauthenticated") + ", closing"},
		{name: "continue at an invalid id", sent: held("POST /import/x/complete"),
			want: "404 import-not-found, closing"},
		{name: "continue and a request hidden", sent: held("POST /nothing") + "{}" + s.hidden(),
			want: "404 not-found, closing"},
	}
	for _, expect := range []string{"200-ok", "100", "continue", "100-continued", "100-continue;q=1", "x",
		`"100-continue"`} {
		rows = append(rows, row{name: "another: " + expect, sent: s.json("{}", "Expect: "+expect) + s.hidden(),
			want: "417 bare, closed"})
	}
	return rows
}
