package server_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
)

// origins: requests from origins that are not allowed are rejected, with a key or without.
func origins(s *service) []row {
	const no = "403 origin-not-allowed"
	call := func(fields ...string) string { return s.head("POST /import", fields...) }
	preflight := func(origin string, fields ...string) string { // browsers send it without a key
		return bare("OPTIONS /import HTTP/1.1",
			append([]string{"Host: " + s.address, "Origin: " + origin, "Access-Control-Request-Method: POST"}, fields...)...)
	}
	allowsOrigin := func(origin string) func(*testing.T, []reply) {
		return func(t *testing.T, r []reply) {
			if got := strings.Join(r[0].header.Values("Access-Control-Allow-Origin"), ", "); got != origin {
				t.Errorf("Access-Control-Allow-Origin: got %q, want %q", got, origin)
			}
			if got := r[0].header.Values("Access-Control-Allow-Credentials"); got != nil {
				t.Errorf("Access-Control-Allow-Credentials: got %q", got)
			}
		}
	}
	allowed := s.either("", allowedOrigin)
	rows := []row{
		{name: "allowed", sent: call("Origin: " + allowedOrigin), want: s.either(no, "200"), also: allowsOrigin(allowed)},
		{name: "allowed, at an unknown path", sent: s.get("/nothing", "Origin: "+allowedOrigin),
			want: s.either(no, "404 not-found"),
			also: allowsOrigin(allowed)},
		{name: "allowed, malformed body", sent: s.json("{]", "Origin: "+allowedOrigin),
			want: s.either(no, "400 invalid-json"),
			also: allowsOrigin(allowed)},
		{name: "own", sent: call("Origin: http://" + s.address), want: "200", also: allowsOrigin("")},
		{name: "own behind TLS", sent: call("Origin: https://" + s.address), want: "200", also: allowsOrigin("")},
		{name: "own by another name", sent: call("Origin: http://localhost" +
			s.address[strings.LastIndex(s.address, ":"):]), want: no},
		{name: "own at another port", sent: call("Origin: http://127.0.0.1:1"), want: no},
		{name: "two, one of them allowed", sent: call("Origin: "+allowedOrigin, "Origin: https://evil.example"), want: no},
		{name: "two alike", sent: call("Origin: "+allowedOrigin, "Origin: "+allowedOrigin), want: no},
		{name: "of a list", sent: s.get("/import", "Origin: https://evil.example"), want: no},
		{name: "of a read", sent: s.get("/import/"+unknownID, "Origin: https://evil.example"), want: no},
		{name: "of an abort", sent: s.head("DELETE /import/"+unknownID, "Origin: https://evil.example"), want: no},
		{name: "of health", sent: s.get("/healthz", "Origin: https://evil.example"), want: no},
		{name: "of HEAD", sent: s.head("HEAD /healthz", "Origin: https://evil.example"), want: "403"},
		// A link. Requests of scripts have an Origin.
		{name: "Referer alone", sent: call("Referer: https://evil.example/", "Sec-Fetch-Site: cross-site"), want: "200"},

		{name: "preflight, allowed", sent: preflight(allowedOrigin, "Access-Control-Request-Headers: x-api-key"),
			want: s.either(no, "204"),
			also: allowsOrigin(allowed)},
		{name: "preflight, allowed, other method",
			sent: strings.Replace(preflight(allowedOrigin), "Method: POST", "Method: TRACE", 1),
			want: s.either(no, "204"), also: func(t *testing.T, r []reply) {
				if got := r[0].header.Get("Access-Control-Allow-Methods"); s.authenticated && got != "OPTIONS, GET, POST" {
					t.Errorf("Access-Control-Allow-Methods: got %q", got)
				}
			}},
		{name: "preflight, allowed, other header",
			sent: preflight(allowedOrigin, "Access-Control-Request-Headers: x-evil\t,\"y\""),
			want: s.either(no, "204"), also: func(t *testing.T, r []reply) {
				if got := r[0].header.Get("Access-Control-Allow-Headers"); strings.Contains(strings.ToLower(got), "evil") {
					t.Errorf("Access-Control-Allow-Headers: got %q", got)
				}
			}},
		{name: "preflight, private network", sent: preflight(allowedOrigin, "Access-Control-Request-Private-Network: true"),
			want: s.either(no, "204"), also: allowsOrigin(allowed)},
		{name: "preflight, unknown", sent: preflight("https://evil.example"), want: no, also: allowsOrigin("")},
		{name: "preflight, null", sent: preflight("null"), want: no, also: allowsOrigin("")},
		{name: "preflight, at an unknown path", sent: strings.Replace(preflight(allowedOrigin), "/import", "/nothing", 1),
			want: s.either(no, "404 not-found"), also: allowsOrigin("")},
	}
	for _, origin := range []string{
		"https://evil.example", "null", "", "*", "file://", "https://app.example.com/", "https://app.example.com:443",
		"https://app.example.com.evil.example", "https://evil-app.example.com", "http://app.example.com",
		"HTTPS://APP.EXAMPLE.COM", "https://app.example.com, https://evil.example",
		"https://app.example.com https://evil.example",
		"https://app.example.com\t", "https://app.example.com%00", "https://user@app.example.com",
		"app.example.com", "//app.example.com", "https://", "chrome-extension://x", "https://xn--app-.example",
		"https://app.example.com\r\n .evil.example",
	} {
		want := no
		if strings.TrimSpace(origin) == allowedOrigin { // white space around a value is not part of it
			want = s.either(no, "200")
		}
		rows = append(rows, row{name: "not allowed: " + origin, sent: call("Origin: " + origin), want: want})
	}
	for _, own := range []string{s.address, "ftp://" + s.address, "http://" + s.address + "/",
		"http://user@" + s.address, "null://" + s.address} {
		rows = append(rows, row{name: "similar to its own: " + strings.Replace(own, s.address, "HOST", 1),
			sent: call("Origin: " + own), want: no})
	}
	return rows
}

// credentials: one key, unencoded, in X-Api-Key. A service without authentication ignores it.
func credentials(s *service) []row {
	with := func(fields ...string) string {
		return bare("POST /import HTTP/1.1", append([]string{"Host: " + s.address}, fields...)...)
	}
	no := s.either("200", "401 unauthenticated")
	basic := base64.StdEncoding.EncodeToString([]byte("alice:" + s.key))
	key := "X-Api-Key: " + s.key
	var rows []row
	for name, fields := range map[string][]string{
		"missing": {}, "empty": {"X-Api-Key:"}, "white space": {"X-Api-Key: \t "}, "twice": {key, key},
		"twice, one empty": {key, "X-Api-Key:"}, "twice, one wrong": {key, "X-Api-Key: x"},
		"a comma after it": {key + ","}, "two in one": {key + ", " + s.key}, "in quotes": {`X-Api-Key: "` + s.key + `"`},
		"encoded":            {"X-Api-Key: " + strings.Replace(s.key, "_", "%5F", 1)},
		"in capitals":        {"X-Api-Key: " + strings.ToUpper(s.key)},
		"one character less": {key[:len(key)-1]}, "one character more": {key + "A"},
		"its beginning": {"X-Api-Key: signpost_"},
		"folded":        {key[:30] + "\r\n " + key[30:]}, "a folded line end after it": {key + "\r\n "},
		"10 kB":        {"X-Api-Key: " + strings.Repeat("A", 10_000)},
		"beyond ASCII": {key + "é"}, "not UTF-8": {key + "\xff"}, "a scheme before it": {"X-Api-Key: Bearer " + s.key},
		"with underscores": {"X_Api_Key: " + s.key}, "its hash": {"X-Api-Key: sha256:" + strings.Repeat("0", 64)},
		"asterisk":        {"X-Api-Key: *"},
		"SQL":             {"X-Api-Key: ' OR '1'='1"},
		"by another name": {"Api-Key: " + s.key, "X-Auth-Token: " + s.key, "X-Amz-Security-Token: " + s.key},
		"in a cookie":     {"Cookie: x-api-key=" + s.key + "; X-Api-Key=" + s.key},
		"Basic":           {"Authorization: Basic " + basic}, "Basic and a key": {"Authorization: Basic " + basic, key},
		"Bearer":               {"Authorization: Bearer " + s.key},
		"Bearer of a token":    {"Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."},
		"ApiKey":               {"Authorization: ApiKey " + s.key},
		"Authorization, empty": {"Authorization:"}, "Authorization, empty, and a key": {"Authorization:", key},
		"to a proxy":                     {"Proxy-Authorization: Basic " + basic},
		"a user named by a proxy header": {"X-Forwarded-User: alice", "X-Remote-User: alice", "Remote-User: alice"},
	} {
		rows = append(rows, row{name: name, sent: with(fields...), want: no, also: s.checksChallenge(no)})
	}
	for name, field := range map[string]string{"white space around it": "X-Api-Key: \t " + s.key + " \t",
		"no space before it": "X-Api-Key:" + s.key, "header in capitals": "X-API-KEY: " + s.key,
		"header in lower case": "x-api-key: " + s.key} {
		rows = append(rows, row{name: name, sent: with(field), want: "200"})
	}
	body := `{"x-api-key":"` + s.key + `"}`
	rows = append(rows,
		row{name: "in the query", sent: bare("POST /import?x-api-key="+s.key+"&X-Api-Key="+s.key+" HTTP/1.1",
			"Host: "+s.address), want: no, also: s.checksChallenge(no)},
		row{name: "in the target", sent: bare("POST http://x:"+url.QueryEscape(s.key)+"@"+s.address+"/import HTTP/1.1",
			"Host: "+s.address), want: no, also: s.checksChallenge(no)},
		row{name: "in the body", sent: with("Content-Type: application/json", length(body)) + body,
			want: s.either("400 invalid-request", "401 unauthenticated")},
		row{name: "in the body, and outside", sent: s.json(body), want: "400 invalid-request"},
		row{name: "in the trailer", sent: with(chunked, "Trailer: X-Api-Key") + "0\r\n" + key + "\r\n\r\n",
			want: no + ", closed"},
		row{name: "NUL after it", sent: with(key + "\x00"), want: refused},
		row{name: "CR in it", sent: with(key[:30] + "\r" + key[30:]), want: refused},
		row{name: "with cookies", sent: with(key, "Cookie: x-api-key=wrong; a=b"), want: "200"},
		row{name: "missing, at an unknown path", sent: bare("GET /nothing HTTP/1.1", "Host: "+s.address),
			want: "404 not-found"},
		row{name: "missing, of another method", sent: bare("PUT /import HTTP/1.1", "Host: "+s.address),
			want: "405 method-not-allowed"},
		row{name: "missing, of health", sent: bare("GET /healthz HTTP/1.1", "Host: "+s.address), want: "200"},
		row{name: "missing, with other errors",
			sent: with("Content-Type: text/plain", "Idempotency-Key: a b", "Content-Length: 2") + "{]",
			want: s.either("400 invalid-request", "401 unauthenticated")},
		row{name: "missing, at a path with a slash after it", sent: bare("GET /import/ HTTP/1.1", "Host: "+s.address),
			want: no},
		row{name: "missing, at an invalid id", sent: bare("GET /import/.. HTTP/1.1", "Host: "+s.address),
			want: s.either("404 import-not-found", "401 unauthenticated")},
	)
	if s.authenticated {
		rows = append(rows, s.scopes()...)
	}
	return rows
}

// checksChallenge checks that exactly a 401 has WWW-Authenticate.
func (s *service) checksChallenge(want string) func(*testing.T, []reply) {
	return func(t *testing.T, r []reply) {
		if got := r[0].header.Get("WWW-Authenticate"); strings.HasPrefix(got, "ApiKey") != (want == "401 unauthenticated") {
			t.Errorf("WWW-Authenticate: got %q", got)
		}
	}
}

// scopes are requests with a valid key that lacks the scope, or that belongs to another owner.
func (s *service) scopes() []row {
	as := func(key, line string) string { return bare(line+" HTTP/1.1", "Host: "+s.address, "X-Api-Key: "+key) }
	theirs := s.create(s.otherKey)
	return []row{
		{name: "to create, with a read key", sent: as(s.readKey, "POST /import"), want: "403 scope-missing"},
		{name: "to abort, with a read key", sent: as(s.readKey, "DELETE /import/"+theirs), want: "403 scope-missing"},
		{name: "to abort an invalid id, with a read key", sent: as(s.readKey, "DELETE /import/.."),
			want: "403 scope-missing"},
		{name: "to read, with a read key", sent: as(s.readKey, "GET /import?cursor="+unknownID), want: "200"},
		{name: "another owner's, read", sent: as(s.key, "GET /import/"+theirs), want: "404 import-not-found"},
		{name: "another owner's, aborted", sent: as(s.key, "DELETE /import/"+theirs), want: "404 import-not-found"},
		{name: "another owner's, completed", sent: as(s.key, "POST /import/"+theirs+"/complete"),
			want: "404 import-not-found"},
		{name: "another owner's parts", sent: as(s.key, "GET /import/"+theirs+"/parts"), want: "404 import-not-found"},
		{name: "another owner's, by a slash", sent: as(s.key, "GET /import/..%2fkey-bob%2f"+theirs),
			want: "404 import-not-found"},
		{name: "another owner's as a cursor", sent: as(s.key, "GET /import?cursor="+theirs), want: "200",
			also: func(t *testing.T, r []reply) {
				if strings.Contains(string(r[0].body), theirs) || strings.Contains(string(r[0].body), "key-bob") {
					t.Errorf("the list has the import of another owner: %s", r[0].body)
				}
			}},
		{name: "another owner's as an idempotency key",
			sent: bare("POST /import HTTP/1.1", "Host: "+s.address, "X-Api-Key: "+s.key, "Idempotency-Key: "+theirs,
				"Content-Type: application/json", "Content-Length: 2") + "{}", want: "201"},
		{name: "its own, by its owner", sent: as(s.otherKey, "GET /import/"+theirs), want: "200"},
	}
}
