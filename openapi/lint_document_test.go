package openapi_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"
)

// maxSize is API Gateway's limit on an imported file. "6 MB" is ambiguous; this is the smaller reading.
const maxSize = 6_000_000

var (
	version      = regexp.MustCompile(`^3\.0\.\d+$`)
	accountInARN = regexp.MustCompile(`arn:\S*:\d{12}\b`)
)

var documentRules = []rule{
	{
		name: "version 3.0",
		check: each(only("openapi"), func(_ document, p place) string {
			if version.MatchString(p.text()) {
				return ""
			}
			return fmt.Sprintf("is %q; API Gateway reads 3.0.x only", p.text())
		}),
		breaks: []edit{{at: "openapi", yaml: "3.1.0"}, {at: "openapi", yaml: "3.0"}, {at: "openapi"}},
	},
	{
		name:  "valid OpenAPI",
		check: valid(openapi3.DisableExamplesValidation()),
		breaks: []edit{
			{at: "components schemas Broken", yaml: `{type: [string, "null"]}`, place: "openapi.yaml"},
			{at: "components schemas Broken", yaml: "{type: integer, const: 1}", place: "openapi.yaml"},
			{
				at:    "components schemas Broken",
				yaml:  "{type: object, patternProperties: {a: {type: string}}}",
				place: "openapi.yaml",
			},
			{at: "webhooks", yaml: "{broken: {}}", place: "openapi.yaml"},
			{at: "paths /import post responses", place: "openapi.yaml"},
			{at: "components schemas Broken", yaml: `{$ref: "#/components/schemas/Nowhere"}`, place: "openapi.yaml"},
		},
	},
	{
		name:  "examples fit their schemas",
		check: valid(openapi3.EnableExamplesValidation()),
		breaks: []edit{
			{
				at:    "paths /a",
				yaml:  operation("responses", body("{schema: {type: object, required: [a]}, example: {}}")),
				place: "openapi.yaml",
			},
		},
	},
	{
		name: "at most 6 MB",
		check: func(d document) []string {
			if len(d.text) <= maxSize {
				return nil
			}
			return []string{fmt.Sprintf("openapi.yaml: is %d bytes; API Gateway reads %d", len(d.text), maxSize)}
		},
		breaks: []edit{{at: "info description", yaml: strings.Repeat("a", maxSize), place: "openapi.yaml"}},
	},
	{
		name: "written out",
		check: each(everything, func(_ document, p place) string {
			if p.node.Kind == yaml.AliasNode {
				return "is a YAML alias; the other rules read what is written and would miss what it stands for"
			}
			return ""
		}),
		breaks: []edit{
			{at: "components schemas Broken", yaml: "{description: &a A., title: *a}", place: "components.schemas.Broken.title"},
		},
	},
	{
		name: "no base path",
		check: each(func(d document) []place { return d.at("servers").children() }, func(_ document, p place) string {
			if url := p.at("url").text(); url != "/" {
				return fmt.Sprintf("has the URL %q; API Gateway may put a path of it in front of all paths", url)
			}
			return ""
		}),
		breaks: []edit{
			{at: "servers", yaml: "[{url: /v1}]", place: "servers.0"},
			{at: "servers", yaml: "[{url: /}, {url: https://example.com/v1}]", place: "servers.1"},
		},
	},
	{
		name: "security at the operations alone",
		check: each(only("security"), func(_ document, p place) string {
			if p.absent() {
				return ""
			}
			return "is at the root, which API Gateway ignores: set it on each operation"
		}),
		breaks: []edit{{at: "security", yaml: "[]"}},
	},
	{
		name: "security schemes",
		check: each(func(d document) []place { return d.at("components", "securitySchemes").children() },
			func(_ document, p place) string {
				key := p.at("name").text() == "x-api-key"
				iam := p.at("name").text() == "Authorization" && p.at("x-amazon-apigateway-authtype").text() == "awsSigv4"
				if p.at("type").text() == "apiKey" && p.at("in").text() == "header" && (key || iam) {
					return ""
				}
				return "is neither an apiKey in the header x-api-key nor one in Authorization with authtype awsSigv4"
			}),
		breaks: []edit{
			{at: "components securitySchemes Broken", yaml: "{type: http, scheme: bearer}"},
			{at: "components securitySchemes Broken", yaml: "{type: apiKey, name: x-api-key, in: query}"},
			{at: "components securitySchemes Broken", yaml: "{type: apiKey, name: x-token, in: header}"},
			{at: "components securitySchemes Broken", yaml: "{type: apiKey, name: Authorization, in: header}"},
		},
	},
	{
		name: "no account",
		check: func(d document) []string { // checks the text, because comments are published too
			var complaints []string
			for _, arn := range accountInARN.FindAll(d.text, -1) {
				complaints = append(complaints, fmt.Sprintf("openapi.yaml: %s names an account; the file is everyone's", arn))
			}
			return complaints
		},
		breaks: []edit{
			{at: "info title", yaml: "arn:aws:iam::123456789012:role/a", place: "openapi.yaml"},
			{at: "info title", yaml: "by arn:aws:iam::123456789012, the owner", place: "openapi.yaml"},
			{at: "info title", yaml: "a # arn:aws:iam::123456789012:root", place: "openapi.yaml"},
			{
				at:    "x-a",
				yaml:  "arn:aws:apigateway:eu-west-1:lambda:path/f/arn:aws:lambda:eu-west-1:123456789012:function:a",
				place: "openapi.yaml",
			},
		},
	},
}

// valid validates with kin-openapi, which knows the rest of the specification. Its errors have their own wording.
func valid(options openapi3.ValidationOption) func(document) []string {
	return func(d document) []string {
		spec, err := openapi3.NewLoader().LoadFromData(d.text)
		if err == nil {
			err = spec.Validate(context.Background(), options)
		}
		if err != nil {
			first, _, _ := strings.Cut(err.Error(), "\n") // without the schemas that follow
			return []string{"openapi.yaml: " + first}
		}
		return nil
	}
}
