package export

import (
	"io"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/signpost-s3/signpost/openapi"
)

// WriteReference writes the operations that a service implements as JSON, in the order of the document. Without keys,
// the service accepts anonymous callers only, and the document describes no API key. As in openapi.Load, there are no
// preflight operations.
func WriteReference(w io.Writer, keys bool) error {
	text := openapi.YAML
	if !keys {
		var err error
		if text, err = Anonymous(text); err != nil {
			return err
		}
	}
	document, err := parse(text, false)
	if err != nil {
		return err
	}
	removePreflight(document)
	return writeJSON(w, document)
}

func removePreflight(document *yaml.Node) {
	for pair := range slices.Chunk(document.Content, 2) {
		switch values := pair[1]; pair[0].Value {
		case "tags":
			values.Content = slices.DeleteFunc(values.Content, func(tag *yaml.Node) bool {
				return slices.ContainsFunc(tag.Content, func(n *yaml.Node) bool { return n.Value == "preflight" })
			})
		case "paths":
			for path := range slices.Chunk(values.Content, 2) {
				removeMember(path[1], "options")
			}
		}
	}
}

func removeMember(mapping *yaml.Node, key string) {
	for i := 0; i < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content = slices.Delete(mapping.Content, i, i+2)
			return
		}
	}
}
