package export

import "go.yaml.in/yaml/v3"

// Extensions of API Gateway.
const (
	integration      = "x-amazon-apigateway-integration"
	gatewayResponses = "x-amazon-apigateway-gateway-responses"
)

// Authorizer identifies the access tokens that a JWT authorizer accepts.
type Authorizer struct{ Issuer, Audience string }

// tokenScheme is the security scheme of a JWT authorizer. OpenAPI requires flows; API Gateway does not read them.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authorizer.html
const tokenScheme = `
type: oauth2
description: >-
  An access token, as Authorization: Bearer TOKEN. API Gateway verifies it. x-signpost-scope of each operation names the
  scope that a token must have if it has any scope of this service.
flows: {}
x-amazon-apigateway-authorizer:
  type: jwt
  identitySource: $request.header.Authorization
  jwtConfiguration: {}
`

// HTTPAPI makes the document one for API Gateway HTTP APIs: with payload format 2.0, a JWT authorizer in place of the
// API key, and without gateway responses, which HTTP APIs do not have.
func HTTPAPI(root *yaml.Node, a Authorizer) {
	remove(root, gatewayResponses)
	remove(root, "x-amazon-apigateway-api-key-source")
	scheme := fragment(tokenScheme)
	configuration := at(scheme, "x-amazon-apigateway-authorizer", "jwtConfiguration")
	configuration.Style = 0
	set(configuration, "issuer", text(a.Issuer))
	set(configuration, "audience", &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{text(a.Audience)}})
	set(member(root, "components"), "securitySchemes",
		&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{text("Token"), scheme}})
	for _, o := range operations(root) {
		set(member(o, integration), "payloadFormatVersion", text("2.0"))
		for _, requirement := range sequence(member(o, "security")) {
			*requirement = *fragment("Token: []")
		}
	}
}
