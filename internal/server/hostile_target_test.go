package server_test

import (
	"fmt"
	"strings"
	"testing"
)

// unknownID is an id that no import has.
const unknownID = "0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55"

// paths have exactly one spelling, so that a proxy in front of the service cannot interpret a path differently.
func paths(s *service) []row {
	var rows []row
	for want, targets := range map[string][]string{
		"404 not-found": {
			"/", "//", "//import", "///import", "/import//", "//import//", "/import;x", "/import;/", "/import,", "/import:",
			"/IMPORT", "/Import", "/imports", "/import.json", "/./import", "/../import", "/x/../import", "/import/../healthz",
			"/import/../../etc/passwd", "/../../../../etc/passwd", "/docs/../import", "/%2e/import", "/%2e%2e/import",
			"/%2E%2E%2Fimport", "/..%2fimport", "/..%5cimport", "/.%00./import", "/%252e%252e/import", "/%69mport",
			"/import%2f", "/import%2F" + unknownID, "/import%5c" + unknownID, `/import\`, `/import\..\healthz`, "/%5cimport",
			`/\import`, `/\evil.example`, "/import%00", "/import%0d%0aX-Evil:%20b", "/import%0a", "/import%20", "/import+",
			"/import%3f", "/import%23", "/import#x", "/%00", "/%0a", "/%7f", "/%1b[31m", "/%ff", "/\xff", "/é", "/%c3%a9",
			"/%c0%ae%c0%ae/import", "/%e2%80%a8", "/ｉｍｐｏｒｔ", "/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/docs/page.html", "/docs/..",
			"/docs/../page.html", "/docs/%2e%2e/page.html", "/docs/start.js%00", "/openapi.yaml~", "/.git/config", "/.env",
			"/metrics", "/debug/pprof/", "/import/" + unknownID + "/parts/1", "/import/" + unknownID + "/x",
			"/import/" + unknownID + "//parts", "//evil.example/%2f..", "//[::1", "http://", "/?/import", "/healthz/x",
		},
		"404 import-not-found": {
			"/import/.", "/import/..", "/import/../", "/import/..;/", "/import/;", "/import/%2e%2e", "/import/%2e%2e%2f",
			"/import/..%2f", "/import/..%2f..%2fjobs", "/import/%5c..%5c", "/import/%00", "/import/%0d%0aX-Evil:%20b",
			"/import/*", "/import/%25", "/import/:id", "/import/{id}", "/import/x", "/import/null", "/import/%ff",
			"/import/\xff", "/import/é", "/import/" + unknownID + "%2fparts", "/import/../parts", "/import/..%2f/parts",
		},
		"200": {"/import?cursor=" + unknownID, "/import/?cursor=" + unknownID, "/healthz", "/healthz/", "/readyz",
			"/openapi.yaml", "/openapi.json", "/docs", "/docs/", "/docs/start.js"},
		refused: {"/%", "/import%", "/import/%", "/%z", "/import/%zz", "/import%2", "/%u002e", "import", "", "?limit=1",
			`\import`, "/a b", "/ /import", "/im\tport", "/import\x00", "/import\x7f", "/import\r", "http://[::1/import",
			"://x"},
	} {
		for _, target := range targets {
			rows = append(rows, row{name: target, sent: s.get(target), want: want})
		}
	}
	at := func(n int) string { return "/" + strings.Repeat("a", n-1) }
	for _, c := range []struct {
		name, target, want string
	}{
		{"4,096 bytes", at(4096), "404 not-found"},
		{"4,097 bytes", at(4097), "414 uri-too-long"},
		{"4,096 bytes with a query", "/healthz?" + strings.Repeat("a", 4096-9), "200"},
		{"4,097 bytes with a query", "/healthz?" + strings.Repeat("a", 4097-9), "414 uri-too-long"},
		{"4,095 bytes that are three times as long in the answer", "/" + strings.Repeat("\xff", 4094), "404 not-found"},
		{"20 kB", at(20_000), "414 uri-too-long"},
		{"70 kB", at(70_000), "431 plain, closed"}, // net/http has one limit for everything before the body
		{"1,000 folders", strings.Repeat("/a", 1000), "404 not-found"},
		{"1,000 times up", strings.Repeat("/..", 1000) + "/import", "404 not-found"},
		{"4,000 slashes", strings.Repeat("/", 4000), "404 not-found"},
	} {
		rows = append(rows, row{name: c.name, sent: s.get(c.target), want: c.want})
	}
	return rows
}

// ids have exactly one spelling, the one that the service issues.
func ids(s *service) []row {
	const none, parts = "404 import-not-found", `{"part_numbers":[1]}`
	var rows []row
	for name, id := range map[string]string{
		"unknown":            unknownID,
		"upper case":         strings.ToUpper(unknownID),
		"half upper case":    strings.Replace(unknownID, "c5a4", "C5a4", 1),
		"version 4":          "0198c5a4-7b1e-4c3a-9f00-2a6d7c1b4e55",
		"version 1":          "0198c5a4-7b1e-1c3a-9f00-2a6d7c1b4e55",
		"version 8":          "0198c5a4-7b1e-8c3a-9f00-2a6d7c1b4e55",
		"another variant":    "0198c5a4-7b1e-7c3a-cf00-2a6d7c1b4e55",
		"nil":                "00000000-0000-0000-0000-000000000000",
		"max":                "ffffffff-ffff-ffff-ffff-ffffffffffff",
		"of the last moment": "ffffffff-ffff-7fff-bfff-ffffffffffff",
		"of the first":       "00000000-0000-7000-8000-000000000000",
		"without hyphens":    strings.ReplaceAll(unknownID, "-", ""),
		"in braces":          "%7b" + unknownID + "%7d",
		"as URN":             "urn:uuid:" + unknownID,
		"one digit less":     unknownID[:35],
		"one digit more":     unknownID + "5",
		"line end after it":  unknownID + "%0a",
		"line end before it": "%0a" + unknownID,
		"NUL after it":       unknownID + "%00",
		"space after it":     unknownID + "%20",
		"dot after it":       unknownID + ".",
		"type after it":      unknownID + ".json",
		"folder before it":   "..%2fpublic%2f" + unknownID,
		"two":                unknownID + "," + unknownID,
		"an encoded digit":   "%30" + unknownID[1:],
		"encoded hyphens":    strings.ReplaceAll(unknownID, "-", "%2d"),
		"full-width digits":  "%ef%bc%90" + unknownID[1:],
		"Cyrillic":           strings.Replace(unknownID, "a", "%d0%b0", 1),
		"of 4,000 digits":    strings.Repeat("0", 4000),
		"SQL":                "1'%20OR%20'1'='1",
		"template":           "%7b%7b7*7%7d%7d",
	} {
		if len(id) > 3000 { // one request is enough
			rows = append(rows, row{name: name, sent: s.get("/import/" + id), want: none})
			continue
		}
		rows = append(rows, row{name: name, want: strings.Repeat(none+", ", 4) + none,
			sent: s.get("/import/"+id) + s.head("DELETE /import/"+id) +
				s.get("/import/"+id+"/parts?after=0") + s.head("POST /import/"+id+"/complete") +
				s.head("POST /import/"+id+"/parts", "Content-Type: application/json", length(parts)) + parts})
	}
	return rows
}

// queries are invalid values of known parameters, and unknown parameters, which have no effect.
func queries(s *service) []row {
	var rows []row
	for want, list := range map[string][]string{
		"400 invalid-request": {
			"limit=0", "limit=101", "limit=-1", "limit=+1", "limit=%2B1", "limit=%201", "limit=1%20", "limit=01", "limit=1.0",
			"limit=1e3", "limit=1e1", "limit=0x1", "limit=1_0", "limit=", "limit", "limit=%00", "limit=1%0a", "limit=NaN",
			"limit=true", "limit=[1]", "limit=1,2", "limit=%D9%A1", "limit=%EF%BC%91", "limit=1#x", "limit=1%26", "limit=1=1",
			"limit=1?limit=2", "limit=2147483648", "limit=4294967297", "limit=9223372036854775808",
			"limit=18446744073709551617",
			"limit=" + strings.Repeat("9", 3000),
			"limit=1&limit=1", "limit=1&limit=2", "limit=1&l%69mit=2", "limit=1;", "limit=1;limit=2", "x;limit=1",
			"limit=%zz", "limit=1&x=%", "%=1",
			"cursor=", "cursor=..", "cursor=../../jobs", "cursor=%2e%2e%2f", "cursor=" + strings.ToUpper(unknownID),
			"cursor=" + unknownID + "%0a", "cursor=" + unknownID + "%00", "cursor=%ff",
			"cursor=" + unknownID + "&cursor=" + unknownID, "cursor=x%0d%0aX-Evil:%20b", "status=", "status=Completed",
			"status=completed%00",
			"status=completed,failed", "status=completed&status=failed", "status=*",
		},
		"200": {
			"", "limit=1", "limit=100", "Limit=0", "LIMIT=x", "limit[]=x", "limit%00=x", "unknown=1", "__proto__=1", "=1",
			"&&&", "?", "limit=1&", "status=failed", "cursor=" + unknownID, "a=%0d%0aX-Evil:%20b", "x=é\xff",
			"x-api-key=sekrit&api_key=sekrit", "X-Amz-Signature=sekrit", "/../healthz", "callback=alert(1)", "_method=DELETE",
		},
	} {
		for _, query := range list {
			target := "/import?" + query
			if want == "200" && !strings.Contains(query, "cursor") { // makes the list empty
				target += "&cursor=" + unknownID
			}
			rows = append(rows, row{name: fmt.Sprintf("%.80q", query), sent: s.get(target), want: want})
		}
	}
	for i, after := range []string{"-1", "10001", "1e3", "+1", "", "x", "0&after=0"} {
		rows = append(rows, row{name: fmt.Sprintf("after %d", i),
			sent: s.get("/import/" + unknownID + "/parts?after=" + after), want: "400 invalid-request"})
	}
	return append(rows,
		row{name: "1,000 parameters", sent: s.get("/import?" + strings.Repeat("a=1&", 1000) + "cursor=" + unknownID),
			want: "200"},
		row{name: "1,300 equal parameters", sent: s.get("/import?" + strings.Repeat("a=&", 1300) + "cursor=" + unknownID),
			want: "200"},
		row{name: "500 limits", sent: s.get("/import?" + strings.Repeat("limit=1&", 500)), want: "400 invalid-request"},
		row{name: "of an untracked import", sent: s.head("POST /import?size=1&mode=form&limit=x&filename=..%2f"),
			want: "200"},
		row{name: "of health", sent: s.get("/healthz?limit=1e3"), want: "200"},
		row{name: "semicolon of health", sent: s.get("/healthz?a;b"), want: "200"},
	)
}

// documents are requests for parts and versions of pages and files. The service returns them whole.
func documents(s *service) []row {
	return []row{
		{name: "a range", sent: s.get("/docs/start.js", "Range: bytes=0-0"), want: "200"},
		{name: "a range past the end", sent: s.get("/docs/start.js", "Range: bytes=999999999-"), want: "200"},
		{name: "an invalid range", sent: s.get("/docs/start.js", "Range: bytes=x-y"), want: "200"},
		{name: "a range of everything, many times",
			sent: s.get("/docs/swagger-ui.css", "Range: bytes=0-"+strings.Repeat(",0-", 1000)), want: "200"},
		{name: "If-Match", sent: s.get("/docs/start.js", `If-Match: "x"`), want: "200"},
		{name: "If-None-Match", sent: s.get("/docs/start.js", "If-None-Match: *"), want: "304"},
		{name: "a bundle", sent: s.get("/docs/swagger-ui-bundle.js", "Connection: close"),
			want: "200, closed", also: func(t *testing.T, r []reply) {
				if len(r[0].body) < 1<<20 {
					t.Errorf("got %d bytes, want the bundle", len(r[0].body))
				}
			}},
	}
}
