package export

import (
	"io"

	"github.com/signpost-s3/signpost/openapi"
)

// WriteReference writes the operations that a service implements as JSON, in the order of the document. Without keys,
// the service accepts anonymous callers only, and the document describes no API key. As in openapi.Load, there are no
// preflight operations.
func WriteReference(w io.Writer, keys bool) error {
	root, err := parse(openapi.YAML)
	if err != nil {
		return err
	}
	if !keys {
		Anonymous(root)
	}
	for _, path := range members(member(root, "paths")) {
		remove(path.value, "options")
	}
	omitUnused(root) // the tag of preflights
	return writeJSON(w, root)
}
