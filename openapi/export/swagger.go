package export

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"
)

// Swagger returns an OpenAPI 3.0 document as Swagger 2.0, in the same order. Swagger does not support examples of
// request bodies, nor separate descriptions of a parameter and its schema.
func Swagger(document []byte) (*yaml.Node, error) {
	contract, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return nil, fmt.Errorf("read the document: %w", err)
	}
	converted, err := openapi2conv.FromV3(contract)
	if err != nil {
		return nil, fmt.Errorf("convert to Swagger 2.0: %w", err)
	}
	for path, item := range contract.Paths.Map() {
		for method, operation := range item.Operations() {
			if err := restore(converted.Paths[path].GetOperation(method), operation, contract.Components); err != nil {
				return nil, fmt.Errorf("convert to Swagger 2.0: %s %s: %w", method, path, err)
			}
		}
	}
	return orderedNodes(converted, document)
}

// restore adds what FromV3 omits from an operation, or writes in a form that Swagger does not support for parameters.
func restore(converted *openapi2.Operation, meant *openapi3.Operation, components *openapi3.Components) error {
	if err := restoreParameters(converted, meant, components); err != nil {
		return err
	}
	types := map[string]bool{}
	for status, response := range meant.Responses.Map() {
		if len(response.Value.Content) > 1 {
			return fmt.Errorf("the response %s has more than one media type, but Swagger 2.0 has one schema for all", status)
		}
		for name, mediaType := range response.Value.Content {
			types[name] = true
			restoreResponse(converted.Responses.Value(status), name, mediaType, components)
		}
	}
	converted.Produces = slices.Sorted(maps.Keys(types))
	return nil
}

// restoreParameters inlines schemas, because parameters cannot refer to one, and restores the order, which FromV3
// makes alphabetical.
func restoreParameters(
	converted *openapi2.Operation, meant *openapi3.Operation, components *openapi3.Components,
) error {
	var all openapi2.Parameters
	for _, p := range meant.Parameters {
		out := *p.Value
		out.Schema = &openapi3.SchemaRef{Value: p.Value.Schema.Value}
		parameter, err := openapi2conv.FromV3Parameter(&openapi3.ParameterRef{Value: &out}, components)
		if err != nil {
			return fmt.Errorf("parameter %s: %w", p.Value.Name, err)
		}
		all = append(all, parameter)
	}
	body := slices.DeleteFunc(converted.Parameters, func(p *openapi2.Parameter) bool { return p.In != "body" })
	converted.Parameters = append(all, body...)
	return nil
}

// restoreResponse adds the example, and the schema, which FromV3 only takes from application/json.
func restoreResponse(
	converted *openapi2.Response, name string, meant *openapi3.MediaType, components *openapi3.Components,
) {
	converted.Schema, _ = openapi2conv.FromV3SchemaRef(meant.Schema, components)
	if meant.Example != nil {
		converted.Examples = map[string]any{name: meant.Example}
	}
}

// orderedNodes returns the converted document as nodes, in the order of document.
func orderedNodes(converted *openapi2.T, document []byte) (*yaml.Node, error) {
	text, err := json.Marshal(converted)
	if err != nil {
		return nil, fmt.Errorf("write Swagger 2.0: %w", err)
	}
	root, err := parse(text)
	if err != nil {
		return nil, err
	}
	source, err := parse(document)
	if err != nil {
		return nil, err
	}
	reorder(root, source, source)
	return root, nil
}
