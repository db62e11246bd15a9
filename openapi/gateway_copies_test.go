package openapi_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/signpost-s3/signpost/openapi"
	"github.com/signpost-s3/signpost/openapi/export"
)

// TestUnchanged checks that the contract is printed byte for byte when nothing else is requested.
func TestUnchanged(t *testing.T) {
	if got := written(t, export.Options{}); string(got) != string(openapi.YAML) {
		t.Error("got other bytes than those of the contract")
	}
}

// TestOmitExamples checks that copies for API Gateway lack the examples of media types and nothing else.
func TestOmitExamples(t *testing.T) {
	want := parse(t, openapi.YAML)
	removed := 0
	for _, p := range surroundings(want) {
		for _, key := range []string{"example", "examples"} {
			if !p.at(key).absent() {
				remove(t, p, key)
				removed++
			}
		}
	}
	if removed == 0 {
		t.Fatal("the contract has no example to omit")
	}
	equal(t, "REST API", parse(t, written(t, export.Options{RESTAPI: true})), want)

	resolved := export.Resolve(openapi.YAML, complete)
	if got := written(t, export.Options{Target: complete}); strings.Contains(string(got), "example:") ||
		len(operations(parse(t, got))) != len(operations(parse(t, resolved))) {
		t.Error("with a target: got examples, or fewer operations")
	}
}

// TestHTTPAPI compares with changing the same members of the parsed contract.
func TestHTTPAPI(t *testing.T) {
	want := parse(t, written(t, export.Options{RESTAPI: true}))
	remove(t, want.place, "x-amazon-apigateway-gateway-responses")
	var token yaml.Node
	if err := yaml.Unmarshal([]byte("Token: []"), &token); err != nil {
		t.Fatal(err)
	}
	keyed := 0
	for _, op := range operations(want) {
		version := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "2.0"}
		put(op.node, []string{integration, "payloadFormatVersion"}, version)
		for _, requirement := range op.at("security").children() {
			*requirement.node = *token.Content[0]
			keyed++
		}
	}
	if keyed == 0 {
		t.Fatal("no operation of the contract requires a key")
	}

	got := parse(t, written(t, export.Options{HTTPAPI: true, Authorizer: authorizer}))
	schemes := got.at("components", "securitySchemes")
	if n := len(schemes.children()); n != 1 {
		t.Errorf("got %d security schemes, want Token alone", n)
	}
	jwt := schemes.at("Token", "x-amazon-apigateway-authorizer")
	for _, c := range []struct{ got, want string }{
		{schemes.at("Token", "type").text(), "oauth2"},
		{jwt.at("type").text(), "jwt"},
		{jwt.at("identitySource").text(), "$request.header.Authorization"},
		{jwt.at("jwtConfiguration", "issuer").text(), authorizer.Issuer},
		{jwt.at("jwtConfiguration", "audience", "0").text(), authorizer.Audience},
	} {
		if c.got != c.want {
			t.Errorf("authorizer: got %q, want %q", c.got, c.want)
		}
	}
	put(want.node, []string{"components", "securitySchemes"}, schemes.node)
	equal(t, "HTTP API", got, want)

	for name, text := range map[string][]byte{
		"HTTP API":            written(t, export.Options{HTTPAPI: true, Authorizer: authorizer}),
		"HTTP API, anonymous": written(t, export.Options{HTTPAPI: true, Anonymous: true}),
	} {
		for _, trace := range []string{"apikey", "api-key", "api key", "gateway-responses", "example:"} {
			if strings.Contains(strings.ToLower(string(text)), trace) {
				t.Errorf("%s: got %q in it", name, trace)
			}
		}
	}
}

// TestHTTPAPIEscapes checks that values of flags cannot add members to the copy.
func TestHTTPAPIEscapes(t *testing.T) {
	hostile := export.Authorizer{Issuer: "https://a.example/\nx: 1", Audience: `a", "b: [`}
	jwt := parse(t, written(t, export.Options{HTTPAPI: true, Authorizer: hostile})).at("components", "securitySchemes",
		"Token", "x-amazon-apigateway-authorizer", "jwtConfiguration")
	got := export.Authorizer{Issuer: jwt.at("issuer").text(), Audience: jwt.at("audience", "0").text()}
	if got != hostile || len(jwt.children()) != 2 {
		t.Errorf("got %+v in %d members, want %+v in 2", got, len(jwt.children()), hostile)
	}
}

// TestDirect checks the shape of the article: one path, one operation without a body, a response of one member, and a
// non-proxy integration.
func TestDirect(t *testing.T) {
	d := parse(t, written(t, export.Options{Direct: true}))
	if ops := operations(d); len(ops) != 1 || ops[0].String() != "paths./import.post" {
		t.Fatalf("got the operations %v, want paths./import.post", ops)
	}
	post := operations(d)[0]
	for _, none := range []string{"requestBody", "parameters", "x-signpost-scope"} {
		if !post.at(none).absent() {
			t.Errorf("%s: got one, though the function does not read it", post.at(none))
		}
	}
	if got, want := names(post.at("responses")), []string{"200", "500"}; !slices.Equal(got, want) {
		t.Errorf("responses: got %v, want %v", got, want)
	}
	schemas := d.at("components", "schemas")
	if got, want := names(schemas), []string{"FieldError", "Job", "Problem"}; !slices.Equal(got, want) {
		t.Errorf("schemas: got %v, want %v", got, want)
	}
	if got := names(schemas.at("Job", "properties")); !slices.Equal(got, []string{"upload_url"}) {
		t.Errorf("properties of Job: got %v, want upload_url", got)
	}
	if got := value(t, schemas.at("Job", "required").node); !reflect.DeepEqual(got, []any{"upload_url"}) {
		t.Errorf("required of Job: got %v, want upload_url", got)
	}
	if got := names(d.at("components", "securitySchemes")); !slices.Equal(got, []string{"ApiKey"}) {
		t.Errorf("security schemes: got %v, want ApiKey", got)
	}
	called := post.at(integration)
	if got := called.at("uri").text(); got != gatewayURI || called.at("type").text() != "aws" {
		t.Errorf("integration: got type %q, URI %q", called.at("type").text(), got)
	}
	if got, want := names(called.at("responses")), []string{`(\n|.)+`, "default"}; !slices.Equal(got, want) {
		t.Errorf("integration's responses: got %q, want %q", got, want)
	}
}

// names returns the sorted keys of a mapping.
func names(p place) []string {
	var all []string
	for _, c := range p.children() {
		all = append(all, c.up(0))
	}
	slices.Sort(all)
	return all
}

// equal compares the members of two documents.
func equal(t *testing.T, name string, got, want document) {
	t.Helper()
	if !reflect.DeepEqual(value(t, got.node), value(t, want.node)) {
		t.Errorf("%s: got other members", name)
	}
}
