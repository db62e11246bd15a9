package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/signpost-s3/signpost/internal/format"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/terminal"
	engine "github.com/signpost-s3/signpost/internal/upload"
)

// describe prints the fields of job, one per line.
func describe(w io.Writer, job client.Import) {
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-13s %s\n", name, terminal.Line(value))
		}
	}
	row("id", job.ID)
	row("status", statusText(job))
	row("error", strings.TrimPrefix(errorText(job), ": "))
	row("filename", format.Name(job.Filename))
	row("relative path", format.Name(job.RelativePath))
	row("content type", job.ContentType)
	if job.Size != nil {
		row("size", sizeText(*job.Size))
	}
	for _, name := range slices.Sorted(maps.Keys(job.Metadata)) {
		row("metadata", name+"="+job.Metadata[name])
	}
	if c := job.Checksum; c != nil && c.Verified {
		row("checksum", string(c.Algorithm)+" "+c.Value+", verified by the store")
	} else if c != nil && c.Declared != "" {
		row("checksum", string(c.Algorithm)+" "+c.Declared+" declared, not verified")
	} else if c != nil {
		row("checksum", string(c.Algorithm))
	}
	row("created", format.Time(job.CreatedAt))
	row("completed", format.Time(job.CompletedAt))
	if s := job.Status; s == client.ImportStatusAwaitingUpload || s == client.ImportStatusUploading {
		row("expires", format.Time(job.ExpiresAt))
	}
	if job.Object != nil {
		row("object", "s3://"+job.Object.Bucket+"/"+job.Object.Key)
	}
}

// sizeText returns a size in binary units, and exactly.
func sizeText(size int64) string {
	text := format.Bytes(size)
	if exact := fmt.Sprintf("%d B", size); exact != text {
		text += " (" + exact + ")"
	}
	return text
}

// statusText returns the status of job with its progress.
func statusText(job client.Import) string {
	text := terminal.Line(string(job.Status))
	if engine.ObjectDeleted(job) {
		text += ", object deleted"
	}
	if m := job.Multipart; m != nil && job.Status == client.ImportStatusUploading && m.UploadedParts != nil {
		text += fmt.Sprintf(", %s", format.Count(int64(*m.UploadedParts), "part"))
		if m.PartCount != 0 {
			text += fmt.Sprintf(" of %d", m.PartCount)
		}
		if m.UploadedBytes != nil {
			text += fmt.Sprintf(" (%s)", format.Bytes(*m.UploadedBytes))
		}
	}
	return text
}

// errorText returns the error of a failed import or completion as a suffix for its status. A code that repeats the
// status is omitted.
func errorText(job client.Import) string {
	switch {
	case job.Error == nil:
		return ""
	case string(job.Error.Code) == string(job.Status):
		return terminal.Line(": " + job.Error.Detail)
	}
	return terminal.Line(fmt.Sprintf(": %s: %s", job.Error.Code, job.Error.Detail))
}

// jsonLine returns job as a line of JSON, without its signed URLs, which are credentials.
func jsonLine(job client.Import) (string, error) {
	job.UploadURL, job.Upload, job.DownloadURL = "", nil, ""
	text, err := json.Marshal(job)
	return string(text) + "\n", err
}
