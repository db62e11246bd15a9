package upload

import (
	"mime"
	"path/filepath"
	"strings"

	"github.com/signpost-s3/signpost/gen/client"
)

// importRequest returns the request body for an import of size bytes; -1 means unknown.
func (t *transfer) importRequest(size int64, mode client.ImportRequestMode) client.ImportRequest {
	name := t.Filename
	if name == "" {
		name = sanitizeFilename(filepath.Base(t.name))
	}
	r := client.ImportRequest{Filename: &name, Mode: &mode, Metadata: t.Metadata}
	if size >= 0 {
		r.Size = &size
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

func statusOf(job client.Job) client.JobStatus {
	if job.Status == nil {
		return ""
	}
	return *job.Status
}

func resultOf(job client.Job) Result {
	var r Result
	if job.ID != nil {
		r.ID = *job.ID
	}
	if job.Size != nil {
		r.Size = *job.Size
	}
	if o := job.Object; o != nil {
		r.Bucket, r.Key = o.Bucket, o.Key
		if o.ETag != nil {
			r.ETag = *o.ETag
		}
	}
	return r
}
