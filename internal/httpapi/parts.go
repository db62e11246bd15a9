package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/internal/imports"
)

type listResponse api.JobList

func (r listResponse) VisitListImportsResponse(w http.ResponseWriter) error {
	return writeJSON(w, http.StatusOK, typeJSON, api.JobList(r))
}

func apiJobList(jobs []imports.Job, next, bucketName string) listResponse {
	list := listResponse{Imports: make([]api.Job, len(jobs)), NextCursor: optional(next)}
	for i, j := range jobs {
		list.Imports[i] = api.Job(apiJob(j, bucketName))
	}
	return list
}

// signedPartsResponse encodes itself: a reflective encoder takes longer for a URL than signing it.
type signedPartsResponse []imports.SignedPart

func (r signedPartsResponse) VisitSignPartsResponse(w http.ResponseWriter) error {
	buffer := takeBuffer()
	defer buffers.Put(buffer)
	if len(r) > 0 {
		buffer.Grow(len(r) * (len(r[0].URL.Reveal()) + 256))
	}
	b := append(buffer.AvailableBuffer(), `{"parts":[`...)
	for i, p := range r {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendSignedPart(b, p)
	}
	buffer.Write(append(b, "]}\n"...))
	return writeBody(w, http.StatusOK, typeJSON, buffer)
}

// appendSignedPart appends the JSON of an api.SignedPart.
func appendSignedPart(b []byte, p imports.SignedPart) []byte {
	b = strconv.AppendInt(append(b, `{"part_number":`...), int64(p.Number), 10)
	b = strconv.AppendInt(append(b, `,"offset":`...), p.Offset, 10)
	if p.Size > 0 {
		b = strconv.AppendInt(append(b, `,"size":`...), p.Size, 10)
	}
	b = appendJSONString(append(b, `,"method":`...), p.Method)
	b = append(append(b, `,"url":"`...), p.URL.Reveal()...)
	b = append(b, `","headers":{`...)
	for i, h := range p.Headers {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSONString(append(appendJSONString(b, h.Name), ':'), h.Value)
	}
	b = p.ExpiresAt.AppendFormat(append(b, `},"expires_at":"`...), time.RFC3339)
	return append(b, `"}`...)
}

type partListResponse api.PartList

func (r partListResponse) VisitListPartsResponse(w http.ResponseWriter) error {
	return writeJSON(w, http.StatusOK, typeJSON, api.PartList(r))
}

func apiPartList(page imports.PartPage) partListResponse {
	list := partListResponse{
		Parts: make([]api.Part, len(page.Parts)), Missing: make([]api.PartRange, len(page.Missing)),
	}
	for i, p := range page.Parts {
		list.Parts[i] = api.Part{
			PartNumber: p.Number, Size: p.Size, ETag: optional(p.ETag), Checksum: optional(p.Checksum),
		}
	}
	for i, gap := range page.Missing {
		list.Missing[i] = api.PartRange{First: gap.First, Last: gap.Last}
	}
	if page.Next > 0 {
		list.NextAfter = &page.Next
	}
	return list
}
