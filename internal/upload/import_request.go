package upload

import (
	"cmp"
	"context"
	"errors"
	"mime"
	"path/filepath"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/signpost-s3/signpost/gen/client"
)

// importRequest returns the request body for an import of t.total bytes.
func (t *transfer) importRequest(mode client.ImportRequestMode) client.ImportRequest {
	name := t.Filename
	if name == "" {
		name = sanitizeFilename(filepath.Base(t.name))
	}
	r := client.ImportRequest{
		Filename:     name,
		RelativePath: sanitizeRelativePath(t.RelativePath),
		ContentType:  cmp.Or(t.ContentType, mime.TypeByExtension(filepath.Ext(name))),
		Mode:         mode,
		Metadata:     t.Metadata,
		WriteOnce:    t.WriteOnce,
	}
	if t.total >= 0 {
		r.Size = &t.total
	}
	if mode == client.ImportRequestModeMultipart {
		r.PartSize = t.partSize(t.total)
	}
	if t.Checksum != None {
		r.Checksum = &client.Checksum{Algorithm: client.ChecksumAlgorithm(t.Checksum)}
	}
	return r
}

// create creates an import. Earlier versions of the service reject relative_path: their imports have none.
func (t *transfer) create(ctx context.Context, r client.ImportRequest, key string) (client.Import, error) {
	job, err := t.api.Create(ctx, r, key)
	var e *ResponseError
	if errors.As(err, &e) && strings.Contains(e.Detail, "/relative_path is not a member of this request") {
		r.RelativePath = ""
		job, err = t.api.Create(ctx, r, key)
	}
	return job, err
}

// hasOtherPath reports whether job declares another relative path than t. Imports of single files, and those of
// earlier versions of this program, declare none: they fit every path.
func (t *transfer) hasOtherPath(job client.Import) bool {
	path := sanitizeRelativePath(t.RelativePath)
	return path != "" && job.RelativePath != "" && job.RelativePath != path
}

// sanitizeRelativePath replaces what the service rejects in names, and normalizes the path to NFC: macOS reports names
// as they were created, often in NFD.
func sanitizeRelativePath(path string) string {
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if r == '\\' || unicode.IsControl(r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(path, "_")))
}

// sanitizeFilename replaces what the service rejects in filenames: control characters, slashes and backslashes.
func sanitizeFilename(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\\' || r == '/' {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
}
