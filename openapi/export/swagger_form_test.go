package export_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"

	"github.com/signpost-s3/signpost/openapi"
	"github.com/signpost-s3/signpost/openapi/export"
)

// TestForm checks that a Swagger 2.0 parser finds the document's operations, and nothing that Swagger does not support.
func TestForm(t *testing.T) {
	asJSON, err := json.Marshal(decode(t, from(t, openapi.YAML)))
	if err != nil {
		t.Fatal(err)
	}
	var made openapi2.T
	if err := json.Unmarshal(asJSON, &made); err != nil {
		t.Fatal(err)
	}
	contract, err := openapi3.NewLoader().LoadFromData(openapi.YAML) // Load omits preflights
	if err != nil {
		t.Fatal(err)
	}
	extensions(t, "root", made.Extensions)
	if got, want := len(made.Paths), contract.Paths.Len(); got != want {
		t.Errorf("got %d paths, want %d", got, want)
	}
	if got, want := len(made.Definitions), len(contract.Components.Schemas); got != want {
		t.Errorf("got %d definitions, want %d", got, want)
	}
	for path, item := range made.Paths {
		extensions(t, path, item.Extensions)
		operations := item.Operations()
		if want := contract.Paths.Value(path).Operations(); len(operations) != len(want) {
			t.Errorf("%s: got %d operations, want %d", path, len(operations), len(want))
		}
		for method, operation := range operations {
			formOfOperation(t, method+" "+path, operation)
		}
	}
	for name, definition := range made.Definitions {
		formOfSchema(t, name, definition)
	}
}

func formOfOperation(t *testing.T, at string, operation *openapi2.Operation) {
	t.Helper()
	extensions(t, at, operation.Extensions)
	if operation.Extensions["x-amazon-apigateway-integration"] == nil {
		t.Errorf("%s: has no integration", at)
	}
	for _, p := range operation.Parameters {
		extensions(t, at+" "+p.Name, p.Extensions)
		switch {
		case p.In == "body" && (p.Schema == nil || p.Type != nil):
			t.Errorf("%s %s: a body has a schema and no type", at, p.Name)
		case p.In != "body" && (p.Schema != nil || p.Type == nil):
			t.Errorf("%s %s: a parameter has a type and no schema", at, p.Name)
		case p.In == "path" && !p.Required:
			t.Errorf("%s %s: a part of the path is always required", at, p.Name)
		}
		formOfSchema(t, at+" "+p.Name, p.Schema)
	}
	for status, response := range operation.Responses.Map() {
		extensions(t, at+" "+status, response.Extensions)
		formOfSchema(t, at+" "+status, response.Schema)
		if response.Description == "" {
			t.Errorf("%s %s: has no description", at, status)
		}
	}
}

func formOfSchema(t *testing.T, at string, schema *openapi2.SchemaRef) {
	t.Helper()
	if schema == nil || schema.Value == nil {
		return
	}
	extensions(t, at, schema.Value.Extensions)
	formOfSchema(t, at+" items", schema.Value.Items)
	for name, property := range schema.Value.Properties {
		formOfSchema(t, at+"."+name, property)
	}
}

// extensions are where openapi2 stores unknown members.
func extensions(t *testing.T, at string, members map[string]any) {
	t.Helper()
	for name := range members {
		if !strings.HasPrefix(name, "x-") {
			t.Errorf("%s: has the member %s, which Swagger 2.0 does not know there", at, name)
		}
	}
}

// TestOrder checks that members have the order of those in the document from which they were made.
func TestOrder(t *testing.T) {
	text, err := yaml.Marshal(from(t, openapi.YAML))
	if err != nil {
		t.Fatal(err)
	}
	rest := string(text)
	for _, next := range []string{
		"\nswagger:", "\ninfo:", "title:", "\ntags:", "\npaths:",
		"/import:", "get:", "operationId:", "security:",
		"parameters:", "name: limit", "in:", "description:", "type:", "minimum:", "name: cursor",
		"name: status", "in:", "type:", "enum:",
		"produces:", "responses:", `"200":`, "schema:", "examples:", "imports:", `"400":`, "type:", "request_id:", "code:",
		"x-amazon",
		"post:", "Idempotency-Key", "name: body", "in: body", "schema:", "consumes:", "produces:", "x-amazon",
		"/import/{id}:", "get:", "delete:", "/import/{id}/parts:", "/import/{id}/complete:",
		"\nsecurityDefinitions:",
		"\ndefinitions:", "ImportRequest:", "filename:", "type:", "description:", "content_type:",
		"ChecksumAlgorithm:", "Checksum:", "FieldError:",
	} {
		_, after, found := strings.Cut("\n"+rest, next)
		if !found {
			t.Fatalf("%q does not follow where it should", next)
		}
		rest = after
	}
}

func TestRefuses(t *testing.T) {
	get := func(root object) object { return root["paths"].(object)["/import"].(object)["get"].(object) }
	for fault, text := range map[string][]byte{
		"more than one media type": edited(t, func(root object) {
			content := get(root)["responses"].(object)["200"].(object)["content"].(object)
			content["text/csv"] = content["application/json"]
		}),
		"TRACE": edited(t, func(root object) {
			item := root["paths"].(object)["/import"].(object)
			item["trace"] = item["get"]
		}),
		"read the document": []byte("{"),
	} {
		if _, err := export.Swagger(text); err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("got error %v, want one that says %q", err, fault)
		}
	}
}
