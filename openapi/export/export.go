// Package export writes copies of the OpenAPI document: for one AWS account, without the API key, as JSON, and as
// Swagger 2.0. It is separate from package openapi because the Lambda function links that one and needs no copies.
package export

import (
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"

	"github.com/signpost-s3/signpost/openapi"
)

// Options describe a copy of the document.
type Options struct {
	Target    Target
	Anonymous bool // without the API key
	Swagger2  bool
	JSON      bool
}

// Write writes a copy of the document. Only YAML of OpenAPI 3 keeps the comments.
func Write(w io.Writer, o Options) error {
	text := Resolve(openapi.YAML, o.Target)
	if o.Anonymous {
		var err error
		if text, err = Anonymous(text); err != nil {
			return err
		}
	}
	if !o.JSON && !o.Swagger2 {
		_, err := w.Write(text)
		return err
	}
	document, err := parse(text, o.Swagger2)
	if err != nil {
		return err
	}
	if o.JSON {
		return writeJSON(w, document)
	}
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	return errors.Join(encoder.Encode(document), encoder.Close())
}

// parse parses the document as nodes, which keep the order of keys.
func parse(text []byte, swagger2 bool) (*yaml.Node, error) {
	if swagger2 {
		return Swagger(text)
	}
	var file yaml.Node
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("read the document: %w", err)
	}
	return file.Content[0], nil
}
