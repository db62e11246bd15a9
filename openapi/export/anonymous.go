package export

import "go.yaml.in/yaml/v3"

// Anonymous removes the API key, for an API that is protected otherwise. The 401 responses stay, because other
// authorizers also send them.
func Anonymous(root *yaml.Node) {
	for _, o := range operations(root) {
		remove(o, "security")
	}
	remove(root, "security")
	remove(root, "x-amazon-apigateway-api-key-source")
	remove(member(root, "components"), "securitySchemes")
	for _, kind := range []string{"INVALID_API_KEY", "QUOTA_EXCEEDED"} {
		remove(member(root, gatewayResponses), kind)
	}
}
