package openapi_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	segment = regexp.MustCompile(`^([A-Za-z0-9_.,:-]+|\{[A-Za-z0-9_.,:-]+\})$`)
	status  = regexp.MustCompile(`^[1-5][0-9]{2}$`)
)

// gatewayURI lets API Gateway replace partition, region and account at import, and the function by a stage variable.
const gatewayURI = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/" +
	"arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${stageVariables.function}/invocations"

// operation is a path with a single get that violates no rule, except for the given member.
func operation(member, yaml string) string {
	members := map[string]string{
		"operationId": "near",
		"description": "Near.",
		"security":    "[]",
		"responses":   `{"200": {description: Near., content: {application/json: {schema: {type: object}}}}}`,
		integration:   `{type: aws_proxy, httpMethod: POST, uri: "` + gatewayURI + `"}`,
	}
	members[member] = yaml
	var b strings.Builder
	for name, value := range members {
		fmt.Fprintf(&b, "%s: %s,\n", name, value)
	}
	return "{get: {" + b.String() + "}}"
}

var pathRules = []rule{
	{
		name: "the import path",
		check: each(only("paths", "/import"), func(_ document, p place) string {
			if p.absent() {
				return "is missing; API Gateway routes /import/ to it too, not the other way round"
			}
			return ""
		}),
		breaks: []edit{{at: "paths /import"}},
	},
	{
		name: "no slash at the end",
		check: each(paths, func(_ document, p place) string {
			if strings.HasSuffix(p.up(0), "/") {
				return "ends in a slash; the server removes it before routing"
			}
			return ""
		}),
		breaks: []edit{{at: "paths /import/", yaml: "{}"}, {at: "paths /", yaml: "{}"}},
	},
	{
		name: "path segments",
		check: each(paths, func(_ document, p place) string {
			for s := range strings.SplitSeq(strings.Trim(p.up(0), "/"), "/") {
				if !segment.MatchString(s) {
					return fmt.Sprintf("has the segment %q, neither of A-Z a-z 0-9 _ - . , : nor a whole parameter", s)
				}
			}
			return ""
		}),
		breaks: []edit{
			{at: "paths /a/{id}.csv", yaml: "{}"},
			{at: "paths /a/{id}:complete", yaml: "{}"},
			{at: "paths /a/v{id}", yaml: "{}"},
			{at: "paths /a/{id}{b}", yaml: "{}"},
			{at: "paths /a/{b+}", yaml: "{}"},
			{at: "paths /a~b", yaml: "{}"},
			{at: "paths /a%20b", yaml: "{}"},
			{at: "paths /ä", yaml: "{}"},
			{at: "paths /a//b", yaml: "{}"},
		},
	},
	{
		name: "reserved paths",
		check: each(paths, func(_ document, p place) string {
			first, _, _ := strings.Cut(strings.TrimPrefix(p.up(0), "/"), "/")
			if first == "ping" || first == "sping" {
				return "is API Gateway's own"
			}
			return ""
		}),
		breaks: []edit{
			{at: "paths /ping", yaml: "{}"},
			{at: "paths /sping", yaml: "{}"},
			{at: "paths /ping/{id}", yaml: "{}"},
		},
	},
	{
		name: "parameters at the operation",
		check: each(paths, func(_ document, p place) string {
			if p.at("parameters").absent() {
				return ""
			}
			return "has parameters of its own: keep them on the operations"
		}),
		breaks: []edit{{at: "paths /a", yaml: "{parameters: []}"}},
	},
}

var operationRules = []rule{
	{
		name: "security",
		check: each(operations, func(d document, p place) string {
			if p.at("security").absent() {
				return "has no security; API Gateway ignores the root's"
			}
			for _, option := range p.at("security").children() {
				for _, scheme := range option.children() {
					if d.at("components", "securitySchemes", scheme.up(0)).absent() {
						return fmt.Sprintf("asks for %s, which is no security scheme, and would be open to all", scheme.up(0))
					}
				}
			}
			return ""
		}),
		breaks: []edit{
			{at: "paths /import post security", place: "paths./import.post"},
			{at: "paths /import post security", yaml: "[{Nowhere: []}]", place: "paths./import.post"},
			{at: "paths /import x-amazon-apigateway-any-method", yaml: "{}"},
		},
	},
	{
		name: "status codes",
		check: each(statuses, func(_ document, p place) string {
			if p.name.ShortTag() == "!!str" && status.MatchString(p.up(0)) {
				return ""
			}
			return "is not three digits in quotes"
		}),
		breaks: []edit{
			{at: "paths /import post responses", yaml: "{200: {description: a}}", place: "paths./import.post.responses.200"},
			{
				at:    "paths /import post responses",
				yaml:  `{"200": {description: a}, 404: {description: b}}`,
				place: "paths./import.post.responses.404",
			},
			{at: "paths /import post responses default", yaml: "{description: a}"},
			{at: "paths /import post responses 4XX", yaml: "{description: a}"},
		},
	},
	{
		name: "answers are objects",
		check: each(bodies, func(d document, p place) string {
			if d.resolve(p.at("schema")).at("type").text() == "object" {
				return ""
			}
			return "is not an object"
		}),
		breaks: []edit{
			{
				at:    "paths /a",
				yaml:  operation("responses", body(`{schema: {type: array, items: {type: object}}}`)),
				place: bodyPlace,
			},
			{
				at:    "paths /a",
				yaml:  operation("responses", body(`{schema: {properties: {a: {type: string}}}}`)),
				place: bodyPlace,
			},
			{
				at:    "paths /a",
				yaml:  operation("responses", body(`{schema: {$ref: "#/components/schemas/Nowhere"}}`)),
				place: bodyPlace,
			},
			{at: "paths /a", yaml: operation("responses", body(`{}`)), place: bodyPlace},
			{yaml: referring(`{$ref: "#/components/schemas/A"}`), place: bodyPlace},
		},
	},
	{
		name: "requests are closed",
		check: each(requestObjects, func(_ document, p place) string {
			members, others := p.at("properties"), p.at("additionalProperties")
			if others.text() == "false" || members.absent() && len(others.children()) > 0 {
				return ""
			}
			return "is an object of a request without additionalProperties: false; a misspelt member would be ignored"
		}),
		breaks: []edit{
			{at: "paths /a", yaml: request(`{type: object, properties: {a: {type: string}}}`), place: requestPlace},
			{at: "paths /a", yaml: request(`{type: object, additionalProperties: true}`), place: requestPlace},
			{
				at:    "paths /a",
				yaml:  request(`{properties: {a: {type: string}}, additionalProperties: {type: string}}`),
				place: requestPlace,
			},
			{at: "paths /a", yaml: request(`{type: array, items: {type: object}}`), place: requestPlace + ".items"},
			{
				at:    "paths /a",
				yaml:  request(`{type: object, additionalProperties: {type: object}}`),
				place: requestPlace + ".additionalProperties",
			},
			{
				yaml:  referring(`{type: object, properties: {a: {$ref: "#/components/schemas/A"}}}`),
				place: "components.schemas.A",
			},
		},
	},
}

const (
	bodyPlace    = "paths./a.get.responses.200.content.application/json"
	requestPlace = "paths./a.get.requestBody.content.application/json.schema"
)

func body(mediaType string) string {
	return `{"200": {description: a, content: {application/json: ` + mediaType + `}}}`
}

func request(schema string) string {
	return operation("requestBody", `{required: true, content: {application/json: {schema: `+schema+`}}}`)
}

// referring is a document whose only operation accepts and returns the schema A.
func referring(schema string) string {
	a := `content: {application/json: {schema: {$ref: "#/components/schemas/A"}}}`
	return `
paths: {/a: {get: {requestBody: {` + a + `}, responses: {"200": {` + a + `}}}}}
components: {schemas: {A: ` + schema + `}}`
}

// bodies returns the media types of responses.
func bodies(d document) []place {
	var all []place
	for _, s := range statuses(d) {
		all = append(all, s.at("content").children()...)
	}
	return all
}

// requestObjects returns the objects in requests, each once, with resolved references.
func requestObjects(d document) []place {
	var objects []place
	var visited []string
	var visit func(place)
	visit = func(p place) {
		p = d.resolve(p)
		if slices.Contains(visited, p.String()) {
			return
		}
		visited = append(visited, p.String())
		if p.at("type").text() == "object" || !p.at("properties").absent() {
			objects = append(objects, p)
		}
		for _, part := range p.parts() {
			visit(part)
		}
	}
	for _, op := range operations(d) {
		for _, mediaType := range op.at("requestBody", "content").children() {
			visit(mediaType.at("schema"))
		}
	}
	return objects
}
