package httpapi

import (
	"encoding/json"

	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/sigv4"
)

// serializer encodes the responses of c.JSON. Echo's own escapes each & of a signed URL as \u0026.
type serializer struct{ echo.DefaultJSONSerializer }

// Serialize writes v. Responses contain credentials, so they must not be cached.
func (serializer) Serialize(c echo.Context, v any, _ string) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	e := json.NewEncoder(c.Response())
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// apiImport converts j, whose object is in the bucket bucketName.
func apiImport(j imports.Job, bucketName string) api.Import {
	expiresAt := j.ExpiresAt()
	r := api.Import{
		ID:           j.ID,
		Status:       api.ImportStatus(j.Status),
		Mode:         api.ImportMode(j.Mode),
		Filename:     optional(j.Filename),
		RelativePath: optional(j.RelativePath),
		ContentType:  optional(j.ContentType),
		Size:         j.Size,
		Metadata:     j.Metadata,
		Object:       &api.StoredObject{Bucket: bucketName, Key: j.Key()},
		CreatedAt:    j.CreatedAt,
		ExpiresAt:    &expiresAt,
		CompletedAt:  optional(j.CompletedAt),
	}
	if u := j.Upload; u != nil {
		url := u.URL.Reveal()
		r.Upload = &api.UploadRequest{
			Method: api.UploadRequestMethod(u.Method), URL: url,
			Headers: headerMap(u.Headers), Fields: u.Fields,
		}
		if j.Mode == imports.Single {
			r.UploadURL = &url
		}
	}
	if c := j.Checksum; c != nil {
		r.Checksum = &api.VerifiedChecksum{
			Algorithm: api.ChecksumAlgorithm(c.Algorithm), Verified: c.Verified,
			Value: optional(c.Confirmed()), Declared: optional(c.Unconfirmed()),
		}
	}
	if p := j.Parts; p != nil {
		r.Multipart = &api.Multipart{PartSize: p.PartSize, PartCount: optional(p.PartCount)}
		if j.Status == imports.Uploading || j.Status == imports.AwaitingUpload {
			r.Multipart.UploadedParts, r.Multipart.UploadedBytes = &p.Uploaded, &p.UploadedBytes
		}
	}
	if d := j.Download; d != nil {
		r.DownloadURL = optional(d.URL.Reveal())
	}
	if o := j.Object; o != nil {
		r.Size = &o.Size
		r.Object.ETag, r.Object.VersionID = optional(o.ETag), optional(o.VersionID)
	}
	r.Object.Deleted = optional(j.ObjectDeleted)
	if f := j.LastFailure(); f != (imports.Failure{}) {
		r.Error = &api.ImportError{Code: f.Code, Detail: f.Detail}
	}
	return r
}

func headerMap(headers []sigv4.Header) map[string]string {
	m := make(map[string]string, len(headers))
	for _, h := range headers {
		m[h.Name] = h.Value
	}
	return m
}

// optional returns a pointer to v, or nil if v is the zero value.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// deref returns *p, or the zero value if p is nil.
func deref[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}
