package httpapi

import (
	"bytes"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/sigv4"
)

// jobResponse is a response with an import. It replaces the generated types, whose encoder escapes each & of a URL as
// \u0026.
type jobResponse struct {
	api.Job
	etag string // of GetImport's response
}

func (r jobResponse) VisitCreateImportResponse(w http.ResponseWriter) error {
	return writeJSON(w, http.StatusOK, typeJSON, r.Job)
}

func (r jobResponse) VisitGetImportResponse(w http.ResponseWriter) error {
	w.Header()["Etag"] = []string{r.etag}
	return writeJSON(w, http.StatusOK, typeJSON, r.Job)
}

// VisitCompleteImportResponse answers with 202 while the store still assembles the object.
func (r jobResponse) VisitCompleteImportResponse(w http.ResponseWriter) error {
	status := http.StatusOK
	if *r.Status == api.JobStatusUploading {
		status = http.StatusAccepted
	}
	return writeJSON(w, status, typeJSON, r.Job)
}

// untrackedResponse is the response of an untracked import: the URL only.
type untrackedResponse sigv4.SecretURL

func (r untrackedResponse) VisitCreateImportResponse(w http.ResponseWriter) error {
	buffer := takeBuffer()
	defer buffers.Put(buffer)
	b := append(buffer.AvailableBuffer(), `{"upload_url":"`...)
	b = append(b, sigv4.SecretURL(r).Reveal()...)
	buffer.Write(append(b, "\"}\n"...))
	return writeBody(w, http.StatusOK, typeJSON, buffer)
}

// writeJSON writes v as the response.
func writeJSON(w http.ResponseWriter, status int, contentType []string, v any) error {
	buffer := takeBuffer()
	defer buffers.Put(buffer)
	if err := json.MarshalWrite(buffer, v, omitEmpty, allowInvalidUTF8); err != nil {
		return err
	}
	buffer.WriteByte('\n')
	return writeBody(w, status, contentType, buffer)
}

// omitEmpty selects the meaning that omitempty has in encoding/json, for which the generated types are written.
var omitEmpty = jsonv1.OmitEmptyWithLegacySemantics(true)

// allowInvalidUTF8 replaces invalid UTF-8, which the store may return, by U+FFFD. Otherwise the response would be an
// empty 200.
var allowInvalidUTF8 = jsontext.AllowInvalidUTF8(true)

// writeBody writes body as the response. Responses contain credentials, so they must not be cached.
func writeBody(w http.ResponseWriter, status int, contentType []string, body *bytes.Buffer) error {
	h := w.Header()
	h["Content-Type"], h["Cache-Control"] = contentType, noStore
	w.WriteHeader(status)
	_, err := body.WriteTo(w)
	return err
}

// Header values that never change, so that responses do not allocate them.
var (
	typeJSON    = []string{"application/json"}
	typeProblem = []string{"application/problem+json"}
	noStore     = []string{"no-store"}
)

// appendJSONString appends s as a JSON string.
func appendJSONString(b []byte, s string) []byte {
	quoted, err := jsontext.AppendQuote(b, s)
	if err != nil {
		panic(err) // invalid UTF-8: no caller passes text that a client or the store chose
	}
	return quoted
}

// apiJob converts j, whose object is in the bucket bucketName.
func apiJob(j imports.Job, bucketName string) api.Job {
	status, expiresAt := api.JobStatus(j.Status), j.ExpiresAt()
	r := api.Job{
		ID:          &j.ID,
		Status:      &status,
		Filename:    optional(j.Filename),
		ContentType: optional(j.ContentType),
		Size:        j.Size,
		Metadata:    j.Metadata,
		Object:      &api.StoredObject{Bucket: bucketName, Key: j.Key()},
		CreatedAt:   &j.CreatedAt,
		ExpiresAt:   &expiresAt,
		CompletedAt: optionalTime(j.CompletedAt),
	}
	if u := j.Upload; u != nil {
		url := u.URL.Reveal()
		r.Upload = &api.UploadRequest{
			Method: api.UploadRequestMethod(u.Method), URL: url,
			Headers: make(map[string]string, len(u.Headers)), Fields: u.Fields,
		}
		for _, h := range u.Headers {
			r.Upload.Headers[h.Name] = h.Value
		}
		if j.Mode == imports.Single {
			r.UploadURL = &url
		}
	}
	if c := j.Checksum; c != nil {
		r.Checksum = &api.VerifiedChecksum{
			Algorithm: api.ChecksumAlgorithm(c.Algorithm), Value: optional(c.Value), Verified: c.Verified,
		}
	}
	if p := j.Parts; p != nil {
		r.Multipart = &api.Multipart{PartSize: p.PartSize}
		if p.PartCount > 0 {
			r.Multipart.PartCount = &p.PartCount
		}
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
	if f := j.LastFailure(); f != (imports.Failure{}) {
		r.Error = &api.JobError{Code: api.JobErrorCode(f.Code), Detail: f.Detail}
	}
	return r
}

// optional returns a pointer to s, or nil if s is empty.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
