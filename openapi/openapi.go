// Package openapi contains the OpenAPI document. Server and client are generated from it, requests are validated
// against it, and API Gateway imports it.
package openapi

import (
	_ "embed"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen --config server.cfg.yaml openapi.yaml
//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen --config client.cfg.yaml openapi.yaml
//go:generate sh -c "cp _client/*.go ../gen/client/"

// YAML is the document's text.
//
//go:embed openapi.yaml
var YAML []byte

// HeaderParameters are the request headers of all operations.
var HeaderParameters = []string{"Idempotency-Key", "If-None-Match"}

// Operation is an operation of the document. The server knows it before the document is parsed, which takes a while.
type Operation struct{ Method, Path, ID, Scope string }

// Operations are all operations that Load returns. Scope is x-signpost-scope: the scope that a caller needs.
var Operations = []Operation{
	{"GET", "/import", "listImports", "read"},
	{"POST", "/import", "createImport", "create"},
	{"GET", "/import/{id}", "getImport", "read"},
	{"HEAD", "/import/{id}", "headImport", "read"},
	{"DELETE", "/import/{id}", "deleteImport", "delete"},
	{"GET", "/import/{id}/parts", "listParts", "read"},
	{"POST", "/import/{id}/parts", "signParts", "create"},
	{"POST", "/import/{id}/complete", "completeImport", "create"},
}

// Load parses the document and resolves its references. Each call returns a new document.
//
// It omits preflight operations: the server answers them on every path, without authentication. They are in YAML
// because API Gateway requires them.
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
