package web_test

import (
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/signpost-s3/signpost/internal/web"
)

// TestReferenceSecurity: the contract as JSON describes API keys only if the service accepts them.
func TestReferenceSecurity(t *testing.T) {
	for name, keys := range map[string]bool{"Keys": true, "Anonymous": false} {
		t.Run(name, func(t *testing.T) {
			_, body := start(t, web.UI{}, authenticator(keys)).get(t, "GET", "/openapi.json")
			contract, err := openapi3.NewLoader().LoadFromData([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			if err := contract.Validate(t.Context()); err != nil {
				t.Error(err)
			}
			if got := len(contract.Components.SecuritySchemes) > 0; got != keys {
				t.Errorf("got security schemes: %t", got)
			}
			for path, item := range contract.Paths.Map() {
				if item.Options != nil {
					t.Errorf("%s has a preflight operation", path)
				}
				for method, operation := range item.Operations() {
					if got := operation.Security != nil && len(*operation.Security) > 0; got != keys {
						t.Errorf("%s %s: got security: %t", method, path, got)
					}
				}
			}
		})
	}
}

// TestReferenceLinks: the page's URLs are right with and without a final slash.
func TestReferenceLinks(t *testing.T) {
	s := start(t, web.UI{}, nil)
	for path, want := range map[string][]string{
		"/docs":  {`<a href=".">`, `"docs/start.js"`, `"docs/colors.css"`, `"docs/style.css"`, `"./openapi.yaml"`},
		"/docs/": {`<a href="..">`, `"start.js"`, `"colors.css"`, `"style.css"`, `"../openapi.yaml"`},
	} {
		_, body := s.get(t, "GET", path)
		for _, text := range want {
			if !strings.Contains(body, text) {
				t.Errorf("GET %s: got %s, want %s in it", path, body, text)
			}
		}
	}
}
