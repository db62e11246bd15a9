// Package export writes copies of the OpenAPI document: for one AWS account, for the kinds of API that API Gateway has,
// without the API key, as JSON, and as Swagger 2.0. It is separate from package openapi because the Lambda function
// links that one and needs no copies.
package export

import (
	"bytes"
	"io"

	"go.yaml.in/yaml/v3"

	"github.com/signpost-s3/signpost/openapi"
)

// Options describe a copy of the document. The zero value is the document itself.
type Options struct {
	Target     Target
	RESTAPI    bool // for API Gateway REST APIs
	HTTPAPI    bool // for API Gateway HTTP APIs
	Authorizer Authorizer
	Direct     bool // one path, for a function in direct mode
	Anonymous  bool // without the API key or the authorizer
	Swagger2   bool
	JSON       bool
}

// Write writes a copy of the document. The document itself is written unchanged.
func Write(w io.Writer, o Options) error {
	if o == (Options{}) {
		_, err := w.Write(openapi.YAML)
		return err
	}
	root, err := parse(Resolve(openapi.YAML, o.Target))
	if err != nil {
		return err
	}
	switch {
	case o.HTTPAPI:
		HTTPAPI(root, o.Authorizer)
	case o.Direct:
		Direct(root)
	}
	if o.Anonymous {
		Anonymous(root)
	}
	if o.RESTAPI || o.HTTPAPI || o.Direct || o.Target != (Target{}) {
		OmitExamples(root)
	}
	if o.Swagger2 {
		var text bytes.Buffer
		if err := encode(&text, root); err != nil {
			return err
		}
		if root, err = Swagger(text.Bytes()); err != nil {
			return err
		}
	}
	if o.JSON {
		return writeJSON(w, root)
	}
	return encode(w, root)
}

// OmitExamples removes the examples of requests and responses. AWS lists examples as not supported, so an import that
// fails on warnings might fail because of them.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
func OmitExamples(root *yaml.Node) {
	for _, o := range operations(root) {
		bodies := []*yaml.Node{member(o, "requestBody")}
		for _, response := range members(member(o, "responses")) {
			bodies = append(bodies, response.value)
		}
		for _, body := range bodies {
			for _, mediaType := range members(member(body, "content")) {
				remove(mediaType.value, "example")
				remove(mediaType.value, "examples")
			}
		}
	}
}
