package openapi_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	schemaName = regexp.MustCompile(`^[A-Za-z0-9]+$`)
	schemaRef  = regexp.MustCompile(`^#/components/schemas/[A-Za-z0-9]+$`)
)

// unsupported keywords are silently dropped by API Gateway. Its documentation names exclusiveMinimum only; its twin
// is excluded too.
var unsupported = []string{
	"nullable",
	"default",
	"example",
	"readOnly",
	"discriminator",
	"exclusiveMinimum",
	"exclusiveMaximum",
}

var schemaRules = []rule{
	{
		name: "schema names",
		check: each(func(d document) []place { return d.at("components", "schemas").children() },
			func(_ document, p place) string {
				if schemaName.MatchString(p.up(0)) {
					return ""
				}
				return "has a name that is not of letters and digits alone"
			}),
		breaks: []edit{
			{at: "components schemas import_request", yaml: "{type: object}"},
			{at: "components schemas Import-Request", yaml: "{type: object}"},
			{at: "components schemas Import.Request", yaml: "{type: object}"},
		},
	},
	{
		name: "supported keywords",
		check: each(keywords, func(_ document, p place) string {
			if slices.Contains(unsupported, p.up(0)) {
				return "is not supported in schemas; say it in prose and code"
			}
			return ""
		}),
		breaks: slices.Concat(eachUnsupported(), []edit{ // and in all places for schemas
			{
				at:    "components schemas A",
				yaml:  "{properties: {a: {nullable: true}}}",
				place: "components.schemas.A.properties.a.nullable",
			},
			{
				at:    "components schemas A",
				yaml:  "{properties: {default: {default: 1}}}",
				place: "components.schemas.A.properties.default.default",
			},
			{
				at:    "components schemas A",
				yaml:  "{items: {items: {default: 1}}}",
				place: "components.schemas.A.items.items.default",
			},
			{
				at:    "components schemas A",
				yaml:  "{additionalProperties: {readOnly: true}}",
				place: "components.schemas.A.additionalProperties.readOnly",
			},
			{at: "components schemas A", yaml: "{not: {example: 1}}", place: "components.schemas.A.not.example"},
			{at: "components schemas A", yaml: "{allOf: [{default: 1}]}", place: "components.schemas.A.allOf.0.default"},
			{at: "components schemas A", yaml: "{anyOf: [{}, {default: 1}]}", place: "components.schemas.A.anyOf.1.default"},
			{at: "components schemas A", yaml: "{oneOf: [{default: 1}]}", place: "components.schemas.A.oneOf.0.default"},
			{at: "components parameters a schema default", yaml: "1"},
			{at: "paths /a get parameters", yaml: "[{schema: {default: 1}}]", place: "paths./a.get.parameters.0.schema.default"},
			{at: "paths /a get requestBody content text/csv schema default", yaml: "1"},
			{at: "paths /a get responses 200 content text/csv schema default", yaml: "1"},
			{at: "paths /a get responses 200 headers x-a schema default", yaml: "1"},
			{at: "paths /a x-amazon-apigateway-any-method responses 200 content x-a/b schema default", yaml: "1"},
		}),
	},
	{
		name: "no composition of references",
		check: each(schemas, func(_ document, p place) string {
			for _, keyword := range []string{"oneOf", "anyOf", "allOf"} {
				for _, option := range p.at(keyword).children() {
					if !option.at("$ref").absent() {
						return fmt.Sprintf("has %s over a $ref; API Gateway resolves none there", keyword)
					}
				}
			}
			return ""
		}),
		breaks: []edit{
			{at: "components schemas A", yaml: `{oneOf: [{$ref: "#/components/schemas/B"}]}`},
			{at: "components schemas A", yaml: `{anyOf: [{type: object}, {$ref: "#/components/schemas/B"}]}`},
			{
				at:    "components schemas A",
				yaml:  `{items: {allOf: [{$ref: "#/components/schemas/B"}]}}`,
				place: "components.schemas.A.items",
			},
		},
	},
	{
		name: "integer formats",
		check: each(schemas, func(_ document, p place) string {
			if p.at("type").text() == "number" && strings.HasPrefix(p.at("format").text(), "int") {
				return "is a number with a format of integers"
			}
			return ""
		}),
		breaks: []edit{
			{at: "components schemas A", yaml: "{type: number, format: int32}"},
			{at: "components schemas A", yaml: "{items: {type: number, format: int64}}", place: "components.schemas.A.items"},
		},
	},
	{
		name: "references lead to schemas",
		check: each(schemas, func(_ document, p place) string {
			if ref := p.at("$ref"); !ref.absent() && !schemaRef.MatchString(ref.text()) {
				return fmt.Sprintf("refers to %q, which is not in #/components/schemas", ref.text())
			}
			return ""
		}),
		breaks: []edit{
			{at: "components schemas A", yaml: "{$ref: other.yaml}"},
			{at: "components schemas A", yaml: `{$ref: "https://example.com/a.yaml#/components/schemas/A"}`},
			{
				at:    "components schemas A",
				yaml:  `{items: {$ref: "#/components/schemas/Job/properties/size"}}`,
				place: "components.schemas.A.items",
			},
		},
	},
	{
		name: "references within schemas",
		check: each(surroundings, func(_ document, p place) string {
			if p.at("$ref").absent() {
				return ""
			}
			return "is a reference; API Gateway takes them for schemas alone: write it out"
		}),
		breaks: []edit{
			{at: "paths /a", yaml: "{$ref: a.yaml}"},
			{at: "paths /a get parameters", yaml: `[{$ref: "#/components/parameters/A"}]`, place: "paths./a.get.parameters.0"},
			{at: "paths /a get requestBody", yaml: `{$ref: "#/components/requestBodies/A"}`},
			{at: "paths /a get responses 200", yaml: `{$ref: "#/components/responses/A"}`},
			{at: "paths /a get responses 200 headers x-a", yaml: `{$ref: "#/components/headers/A"}`},
			{at: "paths /a get responses 200 content text/csv examples a", yaml: `{$ref: "#/components/examples/A"}`},
			{at: "paths /a x-amazon-apigateway-any-method responses 200", yaml: `{$ref: "#/components/responses/A"}`},
			{at: "components securitySchemes A", yaml: `{$ref: "#/components/securitySchemes/B"}`},
		},
	},
	{
		name: "examples of media types",
		check: each(surroundings, func(_ document, p place) string {
			if p.at("example").absent() && p.at("examples").absent() || p.up(1) == "content" {
				return ""
			}
			return "has an example and is no media type"
		}),
		breaks: []edit{
			{at: "paths /a get parameters", yaml: "[{name: a, example: 1}]", place: "paths./a.get.parameters.0"},
			{at: "paths /a get parameters", yaml: "[{name: a, examples: {a: {value: 1}}}]", place: "paths./a.get.parameters.0"},
			{at: "paths /a get responses 200 headers x-a", yaml: "{example: 1}"},
			{at: "components examples a", yaml: "{value: 1}", place: "components"},
		},
	},
}

func eachUnsupported() []edit {
	var all []edit
	for _, keyword := range unsupported {
		all = append(all, edit{at: "components schemas A " + keyword, yaml: "false"})
	}
	return all
}

// keywords returns the members of all schemas.
func keywords(d document) []place {
	var all []place
	for _, s := range schemas(d) {
		all = append(all, s.children()...)
	}
	return all
}
