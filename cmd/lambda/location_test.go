package main_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/testing/lambdatest"
)

// TestLocation checks that Location is the path of the import on the server that received the request, and that headers
// of the client have no effect on it.
func TestLocation(t *testing.T) {
	f := start(t, "SIGNPOST_ALLOW_ANONYMOUS=true")
	rest := func(basePath string) http.Handler {
		g, err := lambdatest.NewGateway(contract, lambdatest.Stage{
			Name: "v1", BasePath: basePath, Variables: map[string]string{"function": "signpost"},
			Functions: map[string]lambdatest.Invoke{"signpost": f.Invoke}, Keys: keys,
		})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	staged := func(name string) http.Handler {
		return http.StripPrefix("/"+name, lambdatest.HTTPAPI(name, nil).Serve(f.Invoke))
	}
	for name, c := range map[string]struct {
		front  http.Handler
		prefix string
	}{
		"REST API, stage":           {rest(""), "/v1"},
		"REST API, base path":       {rest("uploads/v2"), "/uploads/v2"},
		"HTTP API, stage":           {staged("v1"), "/v1"},
		"HTTP API, stage /import":   {staged("import"), "/import"},
		"HTTP API, $default":        {lambdatest.HTTPAPI("", nil).Serve(f.Invoke), ""},
		"load balancer":             {lambdatest.ALB(false).Serve(f.Invoke), ""},
		"load balancer, all values": {lambdatest.ALB(true).Serve(f.Invoke), ""},
		"function URL":              {lambdatest.FunctionURL(nil).Serve(f.Invoke), ""},
	} {
		server := serve(t, c.front)
		a := speak(t, server+c.prefix, "value-of-a")
		for _, path := range []string{"/import", "/import/"} {
			status, header, answer := a.call(t, "POST", path, "{}", append([]string{
				"X-Forwarded-Prefix", "/evil", "X-Forwarded-Path", "/evil/import", "X-Original-Uri", "/evil/import",
			}, asJSON...)...)
			var created client.Import
			if err := json.Unmarshal([]byte(answer), &created); err != nil {
				t.Fatalf("%s: POST %s: got %d %s: %v", name, path, status, answer, err)
			}
			location, want := header.Get("Location"), c.prefix+"/import/"+created.ID
			if status != http.StatusCreated || location != want {
				t.Errorf("%s: POST %s: got %d with Location %q, want 201 with %q", name, path, status, location, want)
				continue
			}
			status, _, answer = speak(t, server, a.key).call(t, "GET", location, "")
			if status != http.StatusOK || !strings.Contains(answer, created.ID) {
				t.Errorf("%s: GET %s: got %d %s, want import %s", name, location, status, answer, created.ID)
			}
		}
	}
}
