package export

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const directDescription = `Returns presigned S3 URLs, so that clients can upload files that exceed the payload limits of
API Gateway. POST /import returns a new upload_url; upload with curl --upload-file FILE "$upload_url".`

// directIntegration is the non-proxy integration. The function receives {} instead of the client's body, so that
// clients cannot write its event, and an error of the function has the status 500. Its message is not for clients.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/handle-errors-in-lambda-integration.html
const directIntegration = `
passthroughBehavior: never
requestTemplates:
  application/json: "{}"
responses:
  default:
    statusCode: "200"
    responseTemplates:
      application/json: |-
        {"upload_url": $input.json('$.upload_url')}
  (\n|.)+:
    statusCode: "500"
    responseParameters:
      method.response.header.Content-Type: "'application/problem+json'"
    responseTemplates:
      application/json: |-
        {"type": "about:blank", "title": "Internal Server Error", "status": 500, "code": "internal-error",
         "detail": "The service failed. Report this with the request_id.", "request_id": "$context.requestId"}
`

// contentType is the response header that the integration sets. API Gateway requires its declaration.
const contentType = `
Content-Type:
  description: Always application/problem+json.
  schema: {type: string}
`

// Direct reduces the document to one path, POST /import without a body, with a non-proxy integration. It is for a
// function that answers every event with an upload_url (SIGNPOST_LAMBDA_EVENTS=direct).
func Direct(root *yaml.Node) {
	set(member(root, "info"), "description", text(strings.ReplaceAll(directDescription, "\n", " ")))
	remove(root, gatewayResponses)
	keep(member(root, "paths"), func(path string) bool { return path == "/import" })
	item := at(root, "paths", "/import")
	keep(item, func(method string) bool { return method == "post" })

	post := member(item, "post")
	for _, key := range []string{"requestBody", "parameters", "x-signpost-scope"} {
		remove(post, key)
	}
	set(post, "summary", text("Sign the upload of a file."))
	set(post, "description", text("Returns a new presigned URL that uploads one file with a PUT request."))
	responses := member(post, "responses")
	keep(responses, func(status string) bool { return status == "200" || status == "500" })
	set(member(responses, "200"), "description", text("The presigned URL."))
	set(member(responses, "500"), "headers", fragment(contentType))

	called := member(post, integration)
	set(called, "type", text("aws"))
	for _, m := range members(fragment(directIntegration)) {
		set(called, m.key.Value, m.value)
	}
	if key := at(root, "components", "securitySchemes", "ApiKey"); key != nil {
		set(key, "description", text("An API key of a usage plan of API Gateway."))
	}
	omitUnused(root)
}

// omitUnused removes the tags and schemas that no operation uses, directly or through other schemas.
func omitUnused(root *yaml.Node) {
	used := map[string]bool{}
	for _, o := range operations(root) {
		for _, tag := range sequence(member(o, "tags")) {
			used[tag.Value] = true
		}
	}
	if tags := member(root, "tags"); tags != nil {
		tags.Content = slices.DeleteFunc(tags.Content, func(t *yaml.Node) bool { return !used[member(t, "name").Value] })
	}
	schemas, reached := at(root, "components", "schemas"), map[string]bool{}
	var follow func(*yaml.Node)
	follow = func(n *yaml.Node) {
		name, isSchema := strings.CutPrefix(n.Value, "#/components/schemas/")
		if schema := member(schemas, name); isSchema && schema != nil && !reached[name] {
			reached[name] = true
			follow(schema)
		}
		for _, c := range n.Content {
			follow(c)
		}
	}
	follow(member(root, "paths"))
	keep(schemas, func(name string) bool { return reached[name] })
}
