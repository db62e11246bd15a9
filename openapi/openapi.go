// Package openapi holds the contract: the OpenAPI document that the server and the client are generated from, that every
// request is validated against, and that API Gateway imports.
package openapi

import (
	_ "embed"

	"github.com/getkin/kin-openapi/openapi3"
)

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen --config server.cfg.yaml openapi.yaml
//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen --config client.cfg.yaml openapi.yaml

// YAML is the document as it is written.
//
//go:embed openapi.yaml
var YAML []byte

// HeaderParameters are the headers that the document declares, of all operations.
var HeaderParameters = []string{"Idempotency-Key"}

// Load parses the document and resolves its references. Each call makes a document of its own.
func Load() (*openapi3.T, error) { return openapi3.NewLoader().LoadFromData(YAML) }
