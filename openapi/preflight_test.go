package openapi_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/signpost-s3/signpost/gen/client"
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

// TestGatewayResponses checks that API Gateway's own responses are problem documents, and have the header without which
// pages cannot read them.
func TestGatewayResponses(t *testing.T) {
	responses := parse(t, openapi.YAML).at("x-amazon-apigateway-gateway-responses")
	for _, kind := range []string{"DEFAULT_4XX", "DEFAULT_5XX", "INVALID_API_KEY", "THROTTLED", "INTEGRATION_TIMEOUT"} {
		if responses.at(kind).absent() {
			t.Errorf("%s: absent", kind)
		}
	}
	for _, response := range responses.children() {
		for name, want := range map[string]string{
			"Access-Control-Allow-Origin": "*", "Content-Type": "application/problem+json",
		} {
			header := response.at("responseParameters", "gatewayresponse.header."+name)
			if header.text() != "'"+want+"'" { // API Gateway quotes literals
				t.Errorf("%s: got %q, want '%s'", header, header.text(), want)
			}
		}
		p := gatewayProblem(t, response)
		if fmt.Sprint(p.Status) != response.at("statusCode").text() || p.Title != http.StatusText(int(p.Status)) ||
			p.Type != "about:blank" || p.RequestID != "$context.requestId" || !strings.HasSuffix(p.Detail, ".") {
			t.Errorf("%s: got %+v, want a problem document with its status", response, p)
		}
	}
}

// gatewayProblem returns the body of one of API Gateway's own responses.
func gatewayProblem(t *testing.T, response place) client.Problem {
	t.Helper()
	var p client.Problem
	text := response.at("responseTemplates", "application/json").text()
	if err := json.Unmarshal([]byte(text), &p, json.RejectUnknownMembers(true)); err != nil {
		t.Errorf("%s: %s: %v", response, text, err)
	}
	return p
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
