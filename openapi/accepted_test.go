package openapi_test

// accepted are edits that nearly violate a rule.
var accepted = []struct {
	name string
	edit edit
}{
	{"members named like keywords", edit{at: "components schemas Near", yaml: `
type: object
description: Near.
properties:
  default: {type: string, description: Near.}
  example: {type: string, description: Near.}
  nullable: {type: boolean, description: Near.}
  $ref: {type: string, description: Near.}
  x-amazon: {type: string, description: Near.}`}},
	{
		"keywords in the data of an example",
		edit{at: "paths /near", yaml: operation("responses", `{"200": {description: Near., content: {application/json: {
  schema: {type: object},
  examples: {a: {value: {$ref: 1, schema: {nullable: true, default: 1}, parameters: []}}}}}}}`)},
	},
	{"an answer without a body", edit{at: "paths /near", yaml: operation("responses", `{"204": {description: Near.}}`)}},
	{"a format on an integer, a format of number", edit{at: "components schemas Near", yaml: `
type: object
description: Near.
properties:
  a: {type: integer, format: int64, description: Near.}
  b: {type: number, format: double, description: Near.}`}},
	{
		"allOf over schemas written out",
		edit{at: "components schemas Near", yaml: `{description: Near., allOf: [{type: object}, {type: object}]}`},
	},
	{"every character a path may have", edit{at: "paths /Az0_-.,:", yaml: operation("summary", "Near.")}},
	{"a parameter within a path", edit{at: "paths /near/{id}/parts", yaml: operation("parameters",
		`[{name: id, in: path, required: true, description: Near., schema: {type: string}}]`)}},
	{"reserved names deeper down", edit{at: "paths /near/ping", yaml: operation("summary", "Near.")}},
	{"a request that is a map", edit{at: "paths /near", yaml: operation("requestBody",
		`{required: true, content: {application/json: {schema: {type: object, additionalProperties: {type: string}}}}}`)}},
	{"IAM", edit{at: "components securitySchemes Near", yaml: `
{type: apiKey, description: Near., name: Authorization, in: header, x-amazon-apigateway-authtype: awsSigv4}`}},
	{"a preflight", edit{at: "paths /import options", yaml: `
tags: [preflight]
description: Near.
security: []
responses: {"204": {description: Near.}}
x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{"statusCode": 204}'}}`}},
	{"twelve digits outside an ARN", edit{at: "info title", yaml: "Order 123456789012"}},
	{"an ARN without an account", edit{at: "info title", yaml: "arn:aws:s3:::bucket/123456789012345"}},
	{"extensions of the root", edit{at: "x-amazon-apigateway-gateway-responses", yaml: "{DEFAULT_4XX: {}}"}},
}
