package openapi_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"go.yaml.in/yaml/v3"

	"github.com/signpost-s3/signpost/openapi"
	"github.com/signpost-s3/signpost/openapi/export"
)

var (
	complete = export.Target{
		Partition: "aws-cn",
		Region:    "cn-north-1",
		Account:   "123456789012",
		Function:  "signpost:live",
	}
	function = export.Target{Function: "signpost"}
)

// Reasons why a copy may violate a rule of the document.
var (
	ofOneAccount = map[string]string{
		"no account":        "the copy is made for one",
		"integration's URI": "TestResolve holds what it becomes",
	}
	ofOneFunction = map[string]string{"integration's URI": "TestResolve holds what it becomes"}
	withoutKey    = map[string]string{"security": "nothing is asked for, and nothing said of it"}
	withTokens    = map[string]string{"security schemes": "an HTTP API has no API keys, and a JWT authorizer"}
	notAProxy     = map[string]string{"integration": "TestDirect holds the integration of the article"}
)

// authorizer is that of the copies for HTTP APIs.
var authorizer = export.Authorizer{Issuer: "https://issuer.example.com/", Audience: "uploads"}

// TestRulesOfCopies checks API Gateway's rules for each copy. Swagger 2.0 is checked after conversion to OpenAPI 3.
func TestRulesOfCopies(t *testing.T) {
	anonymous := anonymize(t, openapi.YAML)
	for _, c := range []struct {
		name    string
		text    []byte
		excepts []map[string]string
	}{
		{"resolved", export.Resolve(openapi.YAML, complete), []map[string]string{ofOneAccount}},
		{"function alone", export.Resolve(openapi.YAML, function), []map[string]string{ofOneFunction}},
		{"anonymous", anonymous, []map[string]string{withoutKey}},
		{"REST API", written(t, export.Options{RESTAPI: true}), nil},
		{"HTTP API", written(t, export.Options{HTTPAPI: true, Authorizer: authorizer}), []map[string]string{withTokens}},
		{"HTTP API, anonymous", written(t, export.Options{HTTPAPI: true, Anonymous: true}), []map[string]string{withoutKey}},
		{"direct", written(t, export.Options{Direct: true}), []map[string]string{notAProxy}},
		{"direct, anonymous", written(t, export.Options{Direct: true, Anonymous: true}),
			[]map[string]string{withoutKey, notAProxy}},
		{"anonymous and resolved", export.Resolve(anonymous, complete), []map[string]string{withoutKey, ofOneAccount}},
		{"Swagger", fromSwagger(t, openapi.YAML), nil},
		{"Swagger, anonymous and resolved", fromSwagger(t, export.Resolve(anonymous, complete)),
			[]map[string]string{withoutKey, ofOneAccount}},
	} {
		d := parse(t, c.text)
		for _, r := range rules() {
			excepted := slices.ContainsFunc(c.excepts, func(e map[string]string) bool { return e[r.name] != "" })
			got := r.check(d)
			if excepted && len(got) == 0 {
				t.Errorf("%s: %s: holds, and need not be excepted", c.name, r.name)
			}
			if !excepted && len(got) != 0 {
				t.Errorf("%s breaks the rule %s:\n%s", c.name, r.name, strings.Join(got, "\n"))
			}
		}
	}
}

// written returns a copy of the contract.
func written(t *testing.T, o export.Options) []byte {
	t.Helper()
	var text bytes.Buffer
	if err := export.Write(&text, o); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

func anonymize(t *testing.T, text []byte) []byte { return edited(t, text, export.Anonymous) }

// edited returns a copy of a document.
func edited(t *testing.T, text []byte, edit func(root *yaml.Node)) []byte {
	t.Helper()
	var file yaml.Node
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	edit(file.Content[0])
	copied, err := yaml.Marshal(&file)
	if err != nil {
		t.Fatal(err)
	}
	return copied
}

// fromSwagger converts a document to Swagger 2.0 and back to OpenAPI 3.0.
func fromSwagger(t *testing.T, text []byte) []byte {
	t.Helper()
	node, err := export.Swagger(text)
	if err != nil {
		t.Fatal(err)
	}
	var members any
	if err := node.Decode(&members); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	var made openapi2.T
	if err := json.Unmarshal(asJSON, &made); err != nil {
		t.Fatal(err)
	}
	back, err := openapi2conv.ToV3(&made)
	if err != nil {
		t.Fatal(err)
	}
	again, err := back.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func TestResolve(t *testing.T) {
	const (
		resolved = "arn:aws-cn:apigateway:cn-north-1:lambda:path/2015-03-31/functions/" +
			"arn:aws-cn:lambda:cn-north-1:123456789012:function:signpost:live/invocations"
		functionAlone = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/" +
			"arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:signpost/invocations"
		stages = "arn:aws-cn:apigateway:cn-north-1:lambda:path/2015-03-31/functions/" +
			"arn:aws-cn:lambda:cn-north-1:123456789012:function:${stageVariables.function}/invocations"
	)
	account := complete
	account.Function = ""
	for _, c := range []struct {
		target export.Target
		want   string
	}{
		{complete, resolved},
		{function, functionAlone},
		{account, stages},
		{export.Target{}, gatewayURI},
	} {
		got := export.Resolve(openapi.YAML, c.target)
		if want := bytes.ReplaceAll(openapi.YAML, []byte(gatewayURI), []byte(c.want)); !bytes.Equal(got, want) {
			t.Errorf("%+v: more or less is changed than the URIs", c.target)
		}
		found := proxies(parse(t, got))
		if len(found) == 0 {
			t.Fatalf("%+v: no integration is left", c.target)
		}
		for _, p := range found {
			if uri := p.at("uri").text(); uri != c.want {
				t.Errorf("%+v: %s: got uri %q, want %q", c.target, p, uri, c.want)
			}
		}
	}
	if bytes.Contains(export.Resolve(openapi.YAML, complete), []byte("${")) {
		t.Error("a variable is left where the target is complete")
	}
}

// TestAnonymous compares with removing the same members from the parsed document.
func TestAnonymous(t *testing.T) {
	text := anonymize(t, openapi.YAML)
	want := parse(t, openapi.YAML)
	for _, op := range operations(want) {
		remove(t, op, "security")
	}
	remove(t, want.at("components"), "securitySchemes")
	const responses = "x-amazon-apigateway-gateway-responses"
	for _, m := range []struct {
		from place
		key  string
	}{
		{want.place, "x-amazon-apigateway-api-key-source"},
		{want.at(responses), "INVALID_API_KEY"},
		{want.at(responses), "QUOTA_EXCEEDED"},
	} {
		if !m.from.at(m.key).absent() {
			remove(t, m.from, m.key)
		}
	}
	if !reflect.DeepEqual(value(t, parse(t, text).node), value(t, want.node)) {
		t.Error("got other members than those of the document without the key")
	}
	for _, trace := range []string{"apikey", "api-key", "api key", "api_key"} {
		if strings.Contains(strings.ToLower(string(text)), trace) {
			t.Errorf("got %q in it, want nothing of a key", trace)
		}
	}
}

func value(t *testing.T, n *yaml.Node) (v any) {
	t.Helper()
	if err := n.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
