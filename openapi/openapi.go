// Package openapi holds the contract: the OpenAPI document that the server and the client are generated from, that every
// request is validated against, and that API Gateway imports.
package openapi

import (
	_ "embed"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen --config server.cfg.yaml openapi.yaml
//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen --config client.cfg.yaml openapi.yaml

// YAML is the document as it is written.
//
//go:embed openapi.yaml
var YAML []byte

// HeaderParameters are the headers that the document declares, of all operations.
var HeaderParameters = []string{"Idempotency-Key", "If-None-Match"}

// Operation is what the server knows of an operation before it has read the document, which takes a while.
type Operation struct{ Method, Path, ID, Scope string }

// Operations are all of the document, as Load reads it. Scope is its x-signpost-scope: what a caller must be allowed to do.
var Operations = []Operation{
	{"GET", "/import", "listImports", "read"},
	{"POST", "/import", "createImport", "create"},
	{"GET", "/import/{id}", "getImport", "read"},
	{"DELETE", "/import/{id}", "deleteImport", "delete"},
	{"GET", "/import/{id}/parts", "listParts", "read"},
	{"POST", "/import/{id}/parts", "signParts", "create"},
	{"POST", "/import/{id}/complete", "completeImport", "create"},
}

// Load parses the document and resolves its references. Each call makes a document of its own.
//
// It leaves out the preflights, which browsers send and not callers: the server answers them on every path it has, and asks nobody who
// they are. They stand in YAML because API Gateway has to be told of each.
func Load() (*openapi3.T, error) {
	contract, err := openapi3.NewLoader().LoadFromData(YAML)
	if err != nil {
		return nil, err
	}
	for _, item := range contract.Paths.Map() {
		item.Options = nil
	}
	contract.Tags = slices.DeleteFunc(contract.Tags, func(t *openapi3.Tag) bool { return t.Name == "preflight" })
	return contract, nil
}
