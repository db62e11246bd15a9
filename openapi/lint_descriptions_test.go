package openapi_test

import (
	"slices"
	"strings"
)

var descriptionRules = []rule{
	{
		name: "descriptions",
		check: each(describable, func(d document, p place) string {
			if strings.TrimSpace(d.resolve(p).at("description").text()) == "" {
				return "has no description"
			}
			return ""
		}),
		breaks: []edit{
			{at: "info description", place: "info"},
			{at: "info description", yaml: `" "`, place: "info"},
			{at: "paths /import post description", place: "paths./import.post"},
			{at: "paths /import options description", place: "paths./import.options"},
			{at: "paths /a get", yaml: "{description: A., parameters: [{name: a, in: query}]}",
				place: "paths./a.get.parameters.0"},
			{at: "paths /a get", yaml: "{description: A., requestBody: {content: {text/csv: {schema: {properties: {b: {}}}}}}}",
				place: "paths./a.get.requestBody.content.text/csv.schema.properties.b"},
			{at: "paths /a get", yaml: `{description: A., responses: {"200": {}}}`, place: "paths./a.get.responses.200"},
			{at: "paths /a get", yaml: `{description: A., responses: {"200": {description: A., headers: {x-a: {}}}}}`,
				place: "paths./a.get.responses.200.headers.x-a"},
			{at: "components schemas A", yaml: "{type: object}"},
			{at: "components schemas A", yaml: "{description: A., properties: {b: {type: object, description: ' '}}}",
				place: "components.schemas.A.properties.b"},
			{at: "components schemas A", yaml: "{description: A., items: {properties: {description: {}}}}",
				place: "components.schemas.A.items.properties.description"},
			{at: "components schemas A", yaml: `{description: A., properties: {b: {$ref: "#/components/schemas/B"}}}`,
				place: "components.schemas.A.properties.b"},
			{at: "components securitySchemes A", yaml: "{type: apiKey}"},
			{at: "tags", yaml: "[{name: a}]", place: "tags.0"},
		},
	},
	{
		name: "nothing beside a reference",
		check: each(schemas, func(_ document, p place) string {
			if !p.at("$ref").absent() && len(p.children()) > 1 {
				return "has members beside $ref, which are ignored"
			}
			return ""
		}),
		breaks: []edit{
			{at: "components schemas A", yaml: `{type: string, $ref: "#/components/schemas/B"}`},
			{at: "components schemas A", yaml: `{properties: {b: {$ref: "#/components/schemas/B", description: B.}}}`,
				place: "components.schemas.A.properties.b"},
		},
	},
}

// describable returns what must have a description. That of a reference is the description of its schema.
func describable(d document) []place {
	all := slices.Concat([]place{d.at("info")}, d.at("tags").children(), operations(d), statuses(d),
		d.at("components", "schemas").children(), d.at("components", "securitySchemes").children())
	for _, op := range operations(d) {
		all = append(all, op.at("parameters").children()...)
	}
	for _, response := range statuses(d) {
		all = append(all, response.at("headers").children()...)
	}
	for _, schema := range schemas(d) {
		all = append(all, schema.at("properties").children()...)
	}
	return all
}
