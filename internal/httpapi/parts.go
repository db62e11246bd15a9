package httpapi

import (
	"net/http"

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/internal/imports"
)

type listResponse api.JobList

func (r listResponse) VisitListImportsResponse(w http.ResponseWriter) error {
	return writeJSON(w, http.StatusOK, "application/json", api.JobList(r))
}

func listOf(jobs []imports.Job, next, bucketName string) listResponse {
	list := listResponse{Imports: make([]api.Job, len(jobs)), NextCursor: given(next)}
	for i, j := range jobs {
		list.Imports[i] = api.Job(responseOf(j, bucketName))
	}
	return list
}

type signedPartsResponse api.SignedParts

func (r signedPartsResponse) VisitSignPartsResponse(w http.ResponseWriter) error {
	return writeJSON(w, http.StatusOK, "application/json", api.SignedParts(r))
}

func signedPartsOf(parts []imports.SignedPart) signedPartsResponse {
	signed := make([]api.SignedPart, len(parts))
	for i, p := range parts {
		signed[i] = api.SignedPart{
			PartNumber: p.Number,
			Offset:     p.Offset,
			Method:     api.SignedPartMethod(p.Method),
			URL:        p.URL.Reveal(),
			Headers:    p.Headers,
			ExpiresAt:  p.ExpiresAt,
		}
		if p.Size > 0 {
			signed[i].Size = &p.Size
		}
	}
	return signedPartsResponse{Parts: signed}
}

type partListResponse api.PartList

func (r partListResponse) VisitListPartsResponse(w http.ResponseWriter) error {
	return writeJSON(w, http.StatusOK, "application/json", api.PartList(r))
}

func partListOf(page imports.PartPage) partListResponse {
	list := partListResponse{Parts: make([]api.Part, len(page.Parts)), Missing: make([]api.PartRange, len(page.Missing))}
	for i, p := range page.Parts {
		list.Parts[i] = api.Part{PartNumber: p.Number, Size: p.Size, ETag: given(p.ETag), Checksum: given(p.Checksum)}
	}
	for i, gap := range page.Missing {
		list.Missing[i] = api.PartRange{First: gap.First, Last: gap.Last}
	}
	if page.Next > 0 {
		list.NextAfter = &page.Next
	}
	return list
}
