package export

import (
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// writeJSON writes YAML nodes as JSON, in their order.
func writeJSON(w io.Writer, document *yaml.Node) error {
	return encodeNode(jsontext.NewEncoder(w, jsontext.WithIndent("  ")), document)
}

func encodeNode(e *jsontext.Encoder, n *yaml.Node) error {
	switch n.Kind {
	case yaml.MappingNode:
		return encodeMapping(e, n)
	case yaml.SequenceNode:
		return encodeSequence(e, n)
	case yaml.ScalarNode:
		return encodeScalar(e, n)
	}
	return fmt.Errorf("line %d: this YAML node has no JSON form", n.Line)
}

func encodeMapping(e *jsontext.Encoder, n *yaml.Node) error {
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for pair := range slices.Chunk(n.Content, 2) {
		if err := e.WriteToken(jsontext.String(pair[0].Value)); err != nil {
			return err
		}
		if err := encodeNode(e, pair[1]); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndObject)
}

func encodeSequence(e *jsontext.Encoder, n *yaml.Node) error {
	if err := e.WriteToken(jsontext.BeginArray); err != nil {
		return err
	}
	for _, item := range n.Content {
		if err := encodeNode(e, item); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndArray)
}

func encodeScalar(e *jsontext.Encoder, n *yaml.Node) error {
	var value any = n.Value // also for dates, which JSON lacks
	switch n.ShortTag() {
	case "!!int", "!!float", "!!bool", "!!null":
		if err := n.Decode(&value); err != nil {
			return err
		}
	}
	return json.MarshalEncode(e, value)
}
