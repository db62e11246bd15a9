package openapi_test

import (
	"fmt"
	"slices"
	"strings"
)

const integration = "x-amazon-apigateway-integration"

var integrationRules = []rule{
	{
		name: "integration",
		check: each(operations, func(_ document, p place) string {
			kind := p.at(integration, "type").text()
			if kind == "aws_proxy" || kind == "mock" && p.up(0) == "options" {
				return ""
			}
			return fmt.Sprintf("has an integration of type %q, want aws_proxy (or mock for a preflight)", kind)
		}),
		breaks: []edit{
			{at: "paths /import post " + integration, place: "paths./import.post"},
			{at: "paths /import post " + integration + " type", yaml: "aws", place: "paths./import.post"},
			{at: "paths /import post " + integration + " type", yaml: "mock", place: "paths./import.post"},
			{at: "paths /import options", yaml: "{}"},
			{at: "paths /import options " + integration, yaml: "{type: http_proxy}", place: "paths./import.options"},
			{at: "paths /import x-amazon-apigateway-any-method", yaml: "{}"},
		},
	},
	{
		name: "integration's method",
		check: each(proxies, func(_ document, p place) string {
			if got := p.at("httpMethod").text(); got != "POST" {
				return fmt.Sprintf("has httpMethod %q; Lambda takes POST alone", got)
			}
			return ""
		}),
		breaks: []edit{
			{at: "paths /import post " + integration + " httpMethod", place: "paths./import.post." + integration},
			{at: "paths /a get " + integration, yaml: `{type: aws_proxy, httpMethod: GET}`},
			{at: "paths /a options " + integration, yaml: `{type: aws_proxy, httpMethod: OPTIONS}`},
		},
	},
	{
		name: "integration's URI",
		check: each(proxies, func(_ document, p place) string {
			if got := p.at("uri").text(); got != gatewayURI {
				return fmt.Sprintf("has uri %q, want %q", got, gatewayURI)
			}
			return ""
		}),
		breaks: []edit{
			{at: "paths /import post " + integration + " uri", place: "paths./import.post." + integration},
			{
				at:    "paths /import post " + integration + " uri",
				yaml:  `"` + strings.Replace(gatewayURI, "AWS::Partition", "Partition", 1) + `"`,
				place: "paths./import.post." + integration,
			},
			{at: "paths /a get " + integration, yaml: `{type: aws_proxy, uri: {"Fn::Sub": "` + gatewayURI + `"}}`},
			{at: "paths /a options " + integration, yaml: `{type: aws_proxy, uri: "` + gatewayURI + `/"}`},
		},
	},
	{
		name: "no credentials",
		check: each(integrations, func(_ document, p place) string {
			if p.at("credentials").absent() {
				return ""
			}
			return "has credentials; a permission on the function replaces the role"
		}),
		breaks: []edit{
			{at: "paths /import post " + integration + " credentials", yaml: "a", place: "paths./import.post." + integration},
			{at: "paths /a options " + integration, yaml: "{type: mock, credentials: a}"},
		},
	},
	{
		name: "preflight kept out of the server",
		check: each(operations, func(d document, p place) string {
			excluded := func(tag place) bool { return slices.Contains(d.excluded, tag.text()) }
			if p.up(0) != "options" || slices.ContainsFunc(p.at("tags").children(), excluded) {
				return ""
			}
			return "has no tag among exclude-tags of server.cfg.yaml; the server answers it on every path by itself"
		}),
		breaks: []edit{{at: "paths /import options", yaml: "{}"}, {at: "paths /import options", yaml: "{tags: [a]}"}},
	},
}

// rootOnly extensions must be at the root, although API Gateway accepts a validator's name on an operation too.
var rootOnly = []string{
	"x-amazon-apigateway-request-validators", "x-amazon-apigateway-request-validator",
	"x-amazon-apigateway-api-key-source", "x-amazon-apigateway-gateway-responses",
}

var extensionRules = []rule{
	{
		name: "extensions of the root",
		check: each(everything, func(_ document, p place) string {
			if slices.Contains(rootOnly, p.up(0)) && len(p.keys) > 1 {
				return "belongs at the root"
			}
			return ""
		}),
		breaks: []edit{
			{at: "paths /import post x-amazon-apigateway-request-validators", yaml: "{}"},
			{at: "paths /import post x-amazon-apigateway-request-validator", yaml: "a"},
			{at: "paths /import x-amazon-apigateway-api-key-source", yaml: "HEADER"},
			{at: "info x-amazon-apigateway-gateway-responses", yaml: "{}"},
		},
	},
	{
		name: "no body validator",
		check: each(requestBodies, func(d document, p place) string {
			name := d.at("x-amazon-apigateway-request-validator").text()
			if p.at("required").text() == "true" ||
				d.at("x-amazon-apigateway-request-validators", name, "validateRequestBody").text() != "true" {
				return ""
			}
			return fmt.Sprintf(
				"is optional, and the validator %q checks bodies; what it makes of an empty one is not documented",
				name,
			)
		}),
		breaks: []edit{
			{yaml: optionalBody("{}"), place: "paths./a.post.requestBody"},
			{yaml: optionalBody("{required: false}"), place: "paths./a.post.requestBody"},
		},
	},
	{
		name: "no CORS of HTTP APIs",
		check: each(everything, func(_ document, p place) string {
			if p.up(0) == "x-amazon-apigateway-cors" {
				return "is for HTTP APIs only"
			}
			return ""
		}),
		breaks: []edit{
			{at: "x-amazon-apigateway-cors", yaml: "{}"},
			{at: "paths /import x-amazon-apigateway-cors", yaml: "{}"},
		},
	},
	{
		name: "no CloudFormation",
		check: each(everything, func(_ document, p place) string {
			function := strings.HasPrefix(p.up(0), "Fn::")
			if local := p.node.ShortTag(); function || strings.HasPrefix(local, "!") && !strings.HasPrefix(local, "!!") {
				return "is a function of CloudFormation; API Gateway fills in the AWS variables itself"
			}
			return ""
		}),
		breaks: []edit{
			{at: "x-a", yaml: `{"Fn::Sub": a}`, place: "x-a.Fn::Sub"},
			{at: "paths /import post " + integration + " uri", yaml: "!Sub a"},
			{at: "info title", yaml: "!Ref a"},
		},
	},
}

// optionalBody is a document whose gateway validates the bodies of its only operation.
func optionalBody(requestBody string) string {
	return `
x-amazon-apigateway-request-validator: all
x-amazon-apigateway-request-validators: {all: {validateRequestBody: true}}
paths: {/a: {post: {requestBody: ` + requestBody + `}}}`
}

func integrations(d document) []place {
	return below(operations(d), integration)
}

// proxies are the integrations that call our function.
func proxies(d document) []place {
	return slices.DeleteFunc(integrations(d), func(p place) bool { return p.at("type").text() == "mock" })
}

func requestBodies(d document) []place {
	return below(operations(d), "requestBody")
}
