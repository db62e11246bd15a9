package httpapi

import (
	"context"
	"time"

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/internal/imports"
)

// handlers implements the generated interface: request, call, response.
type handlers struct {
	service *imports.Service
	seen    func(imports.Status) // may be nil
}

func (h handlers) CreateImport(ctx context.Context, r api.CreateImportRequestObject) (api.CreateImportResponseObject, error) {
	if r.Body == nil {
		url, err := h.service.Sign(ctx, ownerOf(ctx))
		if err != nil {
			return nil, err
		}
		return bareResponse(url), nil
	}
	job, err := h.service.Create(ctx, ownerOf(ctx), requestOf(*r.Body), value(r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	return h.response(job), nil
}

func (h handlers) GetImport(ctx context.Context, r api.GetImportRequestObject) (api.GetImportResponseObject, error) {
	known := tagsOf(value(r.Params.IfNoneMatch))
	job, err := h.service.Wait(ctx, ownerOf(ctx), r.ID, h.news(known), time.Duration(value(r.Params.Wait))*time.Second)
	if err != nil {
		return nil, err
	}
	return h.unlessKnown(job, known), nil
}

func (h handlers) ListImports(ctx context.Context, r api.ListImportsRequestObject) (api.ListImportsResponseObject, error) {
	jobs, next, err := h.service.List(ctx, ownerOf(ctx), imports.Page{
		Limit:  int(value(r.Params.Limit)),
		Cursor: value(r.Params.Cursor),
		Status: imports.Status(value(r.Params.Status)),
	})
	if err != nil {
		return nil, err
	}
	for _, job := range jobs {
		h.see(job)
	}
	return listOf(jobs, next, h.service.Bucket.Name()), nil
}

func (h handlers) DeleteImport(ctx context.Context, r api.DeleteImportRequestObject) (api.DeleteImportResponseObject, error) {
	if err := h.service.Delete(ctx, ownerOf(ctx), r.ID); err != nil {
		return nil, err
	}
	return api.DeleteImport204Response{}, nil
}

func (h handlers) SignParts(ctx context.Context, r api.SignPartsRequestObject) (api.SignPartsResponseObject, error) {
	parts, err := h.service.SignParts(ctx, ownerOf(ctx), r.ID, imports.PartsRequest{
		First:     value(r.Body.First),
		Count:     value(r.Body.Count),
		Numbers:   r.Body.PartNumbers,
		Checksums: r.Body.Checksums,
	})
	if err != nil {
		return nil, err
	}
	return signedPartsResponse(parts), nil
}

func (h handlers) ListParts(ctx context.Context, r api.ListPartsRequestObject) (api.ListPartsResponseObject, error) {
	page, err := h.service.ListParts(ctx, ownerOf(ctx), r.ID, value(r.Params.After))
	if err != nil {
		return nil, err
	}
	return partListOf(page), nil
}

func (h handlers) CompleteImport(ctx context.Context, r api.CompleteImportRequestObject) (api.CompleteImportResponseObject, error) {
	var whole *imports.Checksum
	if r.Body != nil {
		whole = checksumOf(r.Body.Checksum)
	}
	job, err := h.service.Complete(ctx, ownerOf(ctx), r.ID, whole)
	if err != nil {
		return nil, err
	}
	return h.response(job), nil
}

func (h handlers) response(j imports.Job) jobResponse {
	h.see(j)
	return jobResponse{Job: responseOf(j, h.service.Bucket.Name())}
}

func (h handlers) see(j imports.Job) {
	if h.seen != nil {
		h.seen(j.Status)
	}
}

func ownerOf(ctx context.Context) string {
	owner, _ := imports.Caller(ctx)
	return owner
}

// requestOf translates what the caller declared.
func requestOf(b api.ImportRequest) imports.Request {
	return imports.Request{
		Filename:    value(b.Filename),
		ContentType: value(b.ContentType),
		Size:        b.Size,
		Metadata:    b.Metadata,
		Checksum:    checksumOf(b.Checksum),
		Mode:        imports.Mode(value(b.Mode)),
		PartSize:    value(b.PartSize),
		ExpiresIn:   time.Duration(value(b.ExpiresIn)) * time.Second,
		WriteOnce:   value(b.WriteOnce),
		Webhook:     value(b.WebhookURL),
	}
}

func checksumOf(c *api.Checksum) *imports.Checksum {
	if c == nil {
		return nil
	}
	return &imports.Checksum{Algorithm: string(c.Algorithm), Value: value(c.Value)}
}

// value is what p points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
