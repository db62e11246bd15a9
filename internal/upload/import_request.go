package upload

import (
	"mime"
	"path/filepath"
	"strings"

	"github.com/signpost-s3/signpost/gen/client"
)

// importRequest returns the request body for an import of t.total bytes.
func (t *transfer) importRequest(mode client.ImportRequestMode) client.ImportRequest {
	name := t.Filename
	if name == "" {
		name = sanitizeFilename(filepath.Base(t.name))
	}
	r := client.ImportRequest{Filename: &name, Mode: &mode, Metadata: t.Metadata}
	if t.total >= 0 {
		r.Size = &t.total
	}
	contentType := t.ContentType
	if contentType == "" {
		contentType = mime.TypeByExtension(filepath.Ext(name))
	}
	if contentType != "" {
		r.ContentType = &contentType
	}
	if t.WriteOnce {
		r.WriteOnce = &t.WriteOnce
	}
	if mode == client.ImportRequestModeMultipart && t.PartSize > 0 {
		r.PartSize = &t.PartSize
	}
	if t.Checksum != None {
		r.Checksum = &client.Checksum{Algorithm: client.ChecksumAlgorithm(t.Checksum)}
	}
	return r
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
