package openapi_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/openapi"
)

// TestPreflights checks that each path has a preflight operation, because API Gateway only forwards declared methods.
// It needs no key, because browsers send none, and calls the same function, which knows the permitted origins.
func TestPreflights(t *testing.T) {
	d := parse(t, openapi.YAML)
	for _, path := range paths(d) {
		preflight := path.at("options")
		if preflight.absent() {
			t.Errorf("%s: has no preflight", path)
			continue
		}
		if got := preflight.at("tags", "0").text(); got != "preflight" {
			t.Errorf("%s: got tag %q, want preflight", preflight, got)
		}
		if security := preflight.at("security"); security.absent() || len(security.children()) > 0 {
			t.Errorf("%s: asks who calls; a browser does not say", preflight)
		}
		if scope := preflight.at("x-signpost-scope"); !scope.absent() {
			t.Errorf("%s: needs the scope %s; preflights have none", preflight, scope.text())
		}
		if kind := preflight.at(integration, "type").text(); kind != "aws_proxy" {
			t.Errorf("%s: got an integration of type %q, want aws_proxy", preflight, kind)
		}
		headers := preflight.at("responses", "204", "headers")
		for _, name := range []string{"Origin", "Methods", "Headers"} {
			if headers.at("Access-Control-Allow-" + name).absent() {
				t.Errorf("%s: does not declare Access-Control-Allow-%s", headers, name)
			}
		}
	}
}

// TestErrorsAllowCrossOriginReads checks that API Gateway's own responses have the header without which pages cannot
// even read the status.
func TestErrorsAllowCrossOriginReads(t *testing.T) {
	responses := parse(t, openapi.YAML).at("x-amazon-apigateway-gateway-responses")
	for _, kind := range []string{"DEFAULT_4XX", "DEFAULT_5XX"} {
		header := responses.at(kind, "responseParameters", "gatewayresponse.header.Access-Control-Allow-Origin")
		if header.text() != "'*'" { // API Gateway quotes literals
			t.Errorf("%s: got %q, want '*', for no other value suits more than one origin", header, header.text())
		}
	}
}

// TestLoadOmitsPreflights checks that neither the generated code nor Load contains preflights.
func TestLoadOmitsPreflights(t *testing.T) {
	for _, name := range []string{"../gen/api/api.gen.go", "../gen/client/client.gen.go"} {
		generated, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(strings.ToLower(string(generated)), "preflight") {
			t.Errorf("%s: has preflights; exclude-tags leaves them out", name)
		}
	}
	contract, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range contract.Paths.Map() {
		for method, o := range item.Operations() {
			if slices.Contains(o.Tags, "preflight") {
				t.Errorf("Load: got %s %s, want no preflight", method, path)
			}
		}
	}
	if contract.Tags.Get("preflight") != nil {
		t.Error("Load: got the tag preflight, which nothing has")
	}
}
