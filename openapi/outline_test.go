package openapi_test

import (
	"slices"
	"strings"
)

// This file finds operations, schemas and data in an OpenAPI document.

// methods are the operations of a path; the last is API Gateway's own for all other methods.
var methods = []string{
	"get",
	"put",
	"post",
	"delete",
	"options",
	"head",
	"patch",
	"trace",
	"x-amazon-apigateway-any-method",
}

func paths(d document) []place { return d.at("paths").children() }

func operations(d document) []place {
	var all []place
	for _, path := range paths(d) {
		for _, p := range path.children() {
			if slices.Contains(methods, p.up(0)) {
				all = append(all, p)
			}
		}
	}
	return all
}

func statuses(d document) []place {
	var all []place
	for _, op := range operations(d) {
		all = append(all, op.at("responses").children()...)
	}
	return slices.DeleteFunc(all, isExtension)
}

// schemas returns all schemas, including nested ones.
func schemas(d document) []place {
	all, _ := outline(d.place)
	return all
}

// surroundings returns all values with a meaning in OpenAPI that are not schemas.
func surroundings(d document) []place {
	_, all := outline(d.place)
	return all
}

func outline(p place) (schemas, surroundings []place) {
	if isData(p) {
		return nil, nil
	}
	if isSchema(p) {
		return p.nested(), nil
	}
	surroundings = []place{p}
	for _, c := range p.children() {
		s, r := outline(c)
		schemas, surroundings = append(schemas, s...), append(surroundings, r...)
	}
	return schemas, surroundings
}

// isData reports whether a value may contain anything, such as a member called schema: examples and extensions.
func isData(p place) bool {
	return p.up(0) == "example" || p.up(0) == "value" && p.up(2) == "examples" || isExtension(p)
}

// isExtension excludes API Gateway's own kind of operation. Headers and media types may begin with x- too.
func isExtension(p place) bool {
	return strings.HasPrefix(p.up(0), "x-") && !slices.Contains(methods, p.up(0)) && p.up(1) != "headers" &&
		p.up(1) != "content"
}

func isSchema(p place) bool {
	return p.up(0) == "schema" || len(p.keys) == 3 && p.keys[0] == "components" && p.keys[1] == "schemas"
}

// nested returns a schema and those nested in it, without references.
func (p place) nested() []place {
	all := []place{p}
	for _, c := range p.parts() {
		all = append(all, c.nested()...)
	}
	return all
}

// parts returns the schemas directly within a schema. A member's name is never a keyword.
func (p place) parts() []place {
	var all []place
	for _, c := range p.children() {
		switch c.up(0) {
		case "properties", "allOf", "anyOf", "oneOf":
			all = append(all, c.children()...)
		case "items", "not", "additionalProperties":
			all = append(all, c)
		}
	}
	return all
}

// resolve follows references to schemas, up to a limit because they may be cyclic.
func (d document) resolve(schema place) place {
	for range 10 {
		name, ok := strings.CutPrefix(schema.at("$ref").text(), "#/components/schemas/")
		if !ok {
			break
		}
		schema = d.at("components", "schemas", name)
	}
	return schema
}
