package httpapi

import (
	"context"
	"time"

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/internal/imports"
)

// handlers implements the generated strict server interface.
type handlers struct {
	service  *imports.Service
	onStatus func(imports.Status) // may be nil
}

func (h handlers) CreateImport(
	ctx context.Context, r api.CreateImportRequestObject,
) (api.CreateImportResponseObject, error) {
	if r.Body == nil {
		url, err := h.service.Sign(ctx, ownerOf(ctx))
		if err != nil {
			return nil, err
		}
		return untrackedResponse(url), nil
	}
	job, err := h.service.Create(ctx, ownerOf(ctx), domainRequest(*r.Body), deref(r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	return h.response(job), nil
}

func (h handlers) GetImport(ctx context.Context, r api.GetImportRequestObject) (api.GetImportResponseObject, error) {
	known := parseIfNoneMatch(deref(r.Params.IfNoneMatch))
	wait := time.Duration(deref(r.Params.Wait)) * time.Second
	job, err := h.service.Wait(ctx, ownerOf(ctx), r.ID, h.changeSince(known), wait)
	if err != nil {
		return nil, err
	}
	return h.unlessMatched(job, known), nil
}

func (h handlers) ListImports(
	ctx context.Context, r api.ListImportsRequestObject,
) (api.ListImportsResponseObject, error) {
	jobs, next, err := h.service.List(ctx, ownerOf(ctx), imports.Page{
		Limit:  int(deref(r.Params.Limit)),
		Cursor: deref(r.Params.Cursor),
		Status: imports.Status(deref(r.Params.Status)),
	})
	if err != nil {
		return nil, err
	}
	for _, job := range jobs {
		h.reportStatus(job)
	}
	return apiJobList(jobs, next, h.service.Bucket.Name()), nil
}

func (h handlers) DeleteImport(
	ctx context.Context, r api.DeleteImportRequestObject,
) (api.DeleteImportResponseObject, error) {
	if err := h.service.Delete(ctx, ownerOf(ctx), r.ID); err != nil {
		return nil, err
	}
	return api.DeleteImport204Response{}, nil
}

func (h handlers) SignParts(ctx context.Context, r api.SignPartsRequestObject) (api.SignPartsResponseObject, error) {
	parts, err := h.service.SignParts(ctx, ownerOf(ctx), r.ID, imports.PartsRequest{
		First:     deref(r.Body.First),
		Count:     deref(r.Body.Count),
		Numbers:   r.Body.PartNumbers,
		Checksums: r.Body.Checksums,
	})
	if err != nil {
		return nil, err
	}
	return signedPartsResponse(parts), nil
}

func (h handlers) ListParts(ctx context.Context, r api.ListPartsRequestObject) (api.ListPartsResponseObject, error) {
	page, err := h.service.ListParts(ctx, ownerOf(ctx), r.ID, deref(r.Params.After))
	if err != nil {
		return nil, err
	}
	return apiPartList(page), nil
}

func (h handlers) CompleteImport(
	ctx context.Context, r api.CompleteImportRequestObject,
) (api.CompleteImportResponseObject, error) {
	var whole *imports.Checksum
	if r.Body != nil {
		whole = domainChecksum(r.Body.Checksum)
	}
	job, err := h.service.Complete(ctx, ownerOf(ctx), r.ID, whole)
	if err != nil {
		return nil, err
	}
	return h.response(job), nil
}

func (h handlers) response(j imports.Job) jobResponse {
	h.reportStatus(j)
	return jobResponse{Job: apiJob(j, h.service.Bucket.Name())}
}

func (h handlers) reportStatus(j imports.Job) {
	if h.onStatus != nil {
		h.onStatus(j.Status)
	}
}

func ownerOf(ctx context.Context) string {
	owner, _ := imports.Caller(ctx)
	return owner
}

// domainRequest converts the body of POST /import.
func domainRequest(b api.ImportRequest) imports.Request {
	return imports.Request{
		Filename:    deref(b.Filename),
		ContentType: deref(b.ContentType),
		Size:        b.Size,
		Metadata:    b.Metadata,
		Checksum:    domainChecksum(b.Checksum),
		Mode:        imports.Mode(deref(b.Mode)),
		PartSize:    deref(b.PartSize),
		ExpiresIn:   time.Duration(deref(b.ExpiresIn)) * time.Second,
		WriteOnce:   deref(b.WriteOnce),
		Webhook:     deref(b.WebhookURL),
	}
}

func domainChecksum(c *api.Checksum) *imports.Checksum {
	if c == nil {
		return nil
	}
	return &imports.Checksum{Algorithm: string(c.Algorithm), Value: deref(c.Value)}
}

// deref returns *p, or the zero value if p is nil.
func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
