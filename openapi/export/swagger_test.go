package export_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/signpost-s3/signpost/openapi"
	"github.com/signpost-s3/signpost/openapi/export"
)

type object = map[string]any

// TestFrom compares every member of the result with the document, by a separate conversion.
func TestFrom(t *testing.T) {
	target := export.Target{Partition: "aws", Region: "eu-west-1", Account: "123456789012", Function: "f"}
	for name, text := range map[string][]byte{
		"the document":           openapi.YAML,
		"anonymous and resolved": anonymize(t, export.Resolve(openapi.YAML, target)),
		"with extensions": edited(t, func(root object) {
			root["x-amazon-apigateway-api-key-source"] = "HEADER"
			root["x-amazon-apigateway-gateway-responses"] = object{"THROTTLED": object{"statusCode": 429}}
			post := root["paths"].(object)["/import"].(object)["post"].(object)
			post["x-amazon-apigateway-integration"].(object)["timeoutInMillis"] = 29000
			post["security"] = []any{}
			post["responses"].(object)["200"].(object)["headers"] = object{
				"Retry-After": object{"description": "Seconds.", "schema": object{"type": "integer"}},
			}
		}),
	} {
		got, want := decode(t, from(t, text)), expected(t, text)
		compare(t, name, got, want)
	}
}

// compare returns the places that differ.
func compare(t *testing.T, at string, got, want any) {
	t.Helper()
	g, isObject := got.(object)
	w, wanted := want.(object)
	if !isObject || !wanted {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", at, got, want)
		}
		return
	}
	both := maps.Clone(g)
	maps.Copy(both, w)
	for _, key := range slices.Sorted(maps.Keys(both)) {
		compare(t, at+"."+key, g[key], w[key])
	}
}

// expected returns what Swagger 2.0 can express of a document.
func expected(t *testing.T, text []byte) object {
	t.Helper()
	var root object
	moved := strings.ReplaceAll(string(text), "#/components/schemas/", "#/definitions/")
	if err := yaml.Unmarshal([]byte(moved), &root); err != nil {
		t.Fatal(err)
	}
	components := root["components"].(object)
	schemas := components["schemas"].(object)
	root["swagger"], root["definitions"] = "2.0", plain(schemas)
	if schemes := components["securitySchemes"]; schemes != nil {
		root["securityDefinitions"] = schemes
	}
	for _, item := range root["paths"].(object) {
		for _, operation := range item.(object) {
			convert(operation.(object), schemas)
		}
	}
	root["basePath"] = "/" // of the server's URL
	delete(root, "servers")
	delete(root, "openapi")
	delete(root, "components")
	return root
}

func convert(operation, schemas object) {
	var parameters []any
	for _, p := range list(operation["parameters"]) {
		parameters = append(parameters, merged(p.(object), schemas))
	}
	if body, ok := operation["requestBody"].(object); ok {
		for mediaType, content := range body["content"].(object) { // one
			operation["consumes"] = []any{mediaType}
			parameter := object{"name": "body", "in": "body", "schema": plain(content.(object)["schema"])} // without its example
			if body["required"] == true {
				parameter["required"] = true
			}
			parameters = append(parameters, parameter)
		}
		delete(operation, "requestBody")
	}
	if parameters != nil {
		operation["parameters"] = parameters
	}
	produces := map[string]bool{}
	for _, r := range operation["responses"].(object) {
		response := r.(object)
		for _, h := range objects(response["headers"]) {
			maps.Copy(h, merged(h, schemas))
			delete(h, "schema")
		}
		for mediaType, content := range objects(response["content"]) { // one
			produces[mediaType] = true
			response["schema"] = plain(content["schema"])
			if example := content["example"]; example != nil {
				response["examples"] = object{mediaType: example}
			}
		}
		delete(response, "content")
	}
	operation["produces"] = nil
	for _, mediaType := range slices.Sorted(maps.Keys(produces)) {
		operation["produces"] = append(list(operation["produces"]), mediaType)
	}
}

// merged returns a parameter with the members of its schema, except a second description.
func merged(parameter, schemas object) object {
	schema := parameter["schema"].(object)
	if name, ok := schema["$ref"].(string); ok {
		schema = schemas[strings.TrimPrefix(name, "#/definitions/")].(object)
	}
	all := maps.Clone(schema)
	delete(all, "description")
	maps.Copy(all, parameter)
	delete(all, "schema")
	if all["required"] == false {
		delete(all, "required")
	}
	return all
}

// plain returns a schema whose references have no sibling members, which would be ignored.
func plain(schema any) any {
	switch s := schema.(type) {
	case object:
		if ref, ok := s["$ref"].(string); ok {
			return object{"$ref": ref}
		}
		all := object{}
		for key, v := range s {
			all[key] = plain(v)
		}
		return all
	case []any:
		var all []any
		for _, v := range s {
			all = append(all, plain(v))
		}
		return all
	}
	return schema
}

func list(v any) []any {
	all, _ := v.([]any)
	return all
}

func objects(v any) map[string]object {
	all := map[string]object{}
	members, _ := v.(object)
	for key, o := range members {
		all[key] = o.(object)
	}
	return all
}

func anonymize(t *testing.T, text []byte) []byte {
	t.Helper()
	var file yaml.Node
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	export.Anonymous(file.Content[0])
	copied, err := yaml.Marshal(&file)
	if err != nil {
		t.Fatal(err)
	}
	return copied
}

func from(t *testing.T, text []byte) *yaml.Node {
	t.Helper()
	node, err := export.Swagger(text)
	if err != nil {
		t.Fatal(err)
	}
	return node
}

func decode(t *testing.T, n *yaml.Node) (v object) {
	t.Helper()
	if err := n.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func edited(t *testing.T, edit func(root object)) []byte {
	t.Helper()
	var root object
	if err := yaml.Unmarshal(openapi.YAML, &root); err != nil {
		t.Fatal(err)
	}
	edit(root)
	text, err := yaml.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
