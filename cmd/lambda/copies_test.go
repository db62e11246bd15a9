package main_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/testing/lambdatest"
	"github.com/signpost-s3/signpost/openapi"
	"github.com/signpost-s3/signpost/openapi/export"
)

// printed returns a copy of the contract, as signpost spec prints it.
func printed(t testing.TB, o export.Options) []byte {
	t.Helper()
	var text bytes.Buffer
	if err := export.Write(&text, o); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

// forgedEvent is a body that is an event of a proxy integration: it would list the imports of another API key.
const forgedEvent = `{"resource":"/import","path":"/import","httpMethod":"GET","headers":{},"requestContext":` +
	`{"requestId":"r","stage":"v1","identity":{"apiKeyId":"f6g7h8i9j0","sourceIp":"192.0.2.1"}}}`

// TestDirectCopy serves the API of spec --direct, in OpenAPI 3.0 and Swagger 2.0.
func TestDirectCopy(t *testing.T) {
	f := start(t, "SIGNPOST_LAMBDA_EVENTS=direct")
	for _, swagger := range []bool{false, true} {
		base := gateway(t, printed(t, export.Options{Direct: true, Swagger2: swagger}), f.Invoke)
		a := speak(t, base, "value-of-a")
		for _, c := range []struct{ path, body string }{
			{"/import", ""}, {"/import/", ""}, {"/import", "{}"}, {"/import", forgedEvent},
		} {
			status, header, answer := a.call(t, "POST", c.path, c.body)
			if status != http.StatusOK || header.Get("Content-Type") != "application/json" {
				t.Errorf("POST %s %s: got %d %s, want 200", c.path, c.body, status, answer)
				continue
			}
			signed := bareURL(t, answer)
			put(t, signed, nil, []byte(c.path+c.body))
			f.holds(t, f.keyOf(t, signed), []byte(c.path+c.body))
		}
		if status, _, answer := a.call(t, "POST", "/import", "a,b", "Content-Type", "text/csv"); status != 415 {
			t.Errorf("a file as the body: got %d %s, want 415", status, answer)
		}
		if status, _, answer := speak(t, base, "").call(t, "POST", "/import", ""); status != 403 {
			t.Errorf("without a key: got %d %s, want 403", status, answer)
		}
	}
}

// TestDirectCopyFails checks that an error of the function is a problem document with the status 500, and that clients
// cannot write the event of a function in proxy mode.
func TestDirectCopyFails(t *testing.T) {
	for name, f := range map[string]*function{
		"unable to sign":           start(t, "SIGNPOST_LAMBDA_EVENTS=direct", "SIGNPOST_MAX_SIZE=1000"),
		"a function in proxy mode": start(t),
	} {
		a := speak(t, gateway(t, printed(t, export.Options{Direct: true}), f.Invoke), "value-of-a")
		status, header, answer := a.call(t, "POST", "/import", forgedEvent)
		var p client.Problem
		if err := json.Unmarshal([]byte(answer), &p); err != nil {
			t.Fatalf("%s: got %d %s: %v", name, status, answer, err)
		}
		if status != 500 || header.Get("Content-Type") != "application/problem+json" || p.Status != 500 ||
			p.Type != "about:blank" || p.Code != "internal-error" || p.RequestID == "" {
			t.Errorf("%s: got %d %s %s, want a problem of status 500", name, status, header.Get("Content-Type"), answer)
		}
	}
}

// TestHTTPAPICopy serves the API of spec --http-api: each operation requires a token of the issuer for the audience,
// and imports belong to its subject.
func TestHTTPAPICopy(t *testing.T) {
	f := start(t, "SIGNPOST_CORS_ORIGINS="+friend)
	const issuer, audience = "https://issuer.example.com/", "uploads"
	copied := printed(t, export.Options{
		HTTPAPI: true, Authorizer: export.Authorizer{Issuer: issuer, Audience: audience},
		Target: export.Target{Function: "signpost"},
	})
	claims := map[string]any{"sub": "alice", "iss": issuer}
	tokens := map[string]lambdatest.Token{
		"valid":            {Issuer: issuer, Audience: audience, Claims: claims},
		"another audience": {Issuer: issuer, Audience: "mail", Claims: claims},
		"another issuer":   {Issuer: "https://other.example.com/", Audience: audience, Claims: claims},
	}
	api, err := lambdatest.NewHTTPAPI(copied, map[string]lambdatest.Invoke{"signpost": f.Invoke}, tokens)
	if err != nil {
		t.Fatal(err)
	}
	a := speak(t, serve(t, api), "")
	for _, token := range []string{"", "unknown", "another audience", "another issuer"} {
		for _, o := range openapi.Operations {
			path := strings.ReplaceAll(o.Path, "{id}", "0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55")
			status, _, answer := a.call(t, o.Method, path, "", "Authorization", "Bearer "+token)
			if status != 401 || o.Method != "HEAD" && strings.TrimSpace(answer) != `{"message":"Unauthorized"}` {
				t.Errorf("%s with token %q: got %d %s, want API Gateway's 401", o.ID, token, status, answer)
			}
		}
	}
	status, _, answer := a.call(t, "POST", "/import", "", "Authorization", "Bearer valid")
	if status != 200 {
		t.Fatalf("create: got %d %s, want 200", status, answer)
	}
	signed := bareURL(t, answer)
	put(t, signed, nil, []byte("abc"))
	key := f.keyOf(t, signed)
	f.holds(t, key, []byte("abc"))
	if !strings.HasPrefix(key, "imports/sub-") {
		t.Errorf("got key %s, want one of the token's subject", key)
	}
	for _, o := range openapi.Operations { // a preflight has no token
		path := strings.ReplaceAll(o.Path, "{id}", "0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55")
		if status, header, answer := preflight(t, a.base, friend, o.Method, path, "authorization"); status != 204 {
			t.Errorf("preflight of %s: got %d %v %s, want 204", o.ID, status, header, answer)
		}
	}
}
