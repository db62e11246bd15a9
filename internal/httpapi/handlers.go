package httpapi

import (
	"context"
	"time"

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/internal/imports"
)

// handlers implements the generated interface: request, call, response.
type handlers struct{ service *imports.Service }

func (h handlers) CreateImport(ctx context.Context, r api.CreateImportRequestObject) (api.CreateImportResponseObject, error) {
	if r.Body == nil {
		url, err := h.service.Sign(ctx, imports.Public)
		return bareOf(url), err
	}
	job, err := h.service.Create(ctx, imports.Public, requestOf(*r.Body), value(r.Params.IdempotencyKey))
	return responseOf(job, h.service.Bucket.Name()), err
}

func (h handlers) GetImport(ctx context.Context, r api.GetImportRequestObject) (api.GetImportResponseObject, error) {
	job, err := h.service.Read(ctx, imports.Public, r.ID)
	return responseOf(job, h.service.Bucket.Name()), err
}

func (h handlers) ListImports(ctx context.Context, r api.ListImportsRequestObject) (api.ListImportsResponseObject, error) {
	jobs, next, err := h.service.List(ctx, imports.Public, imports.Page{
		Limit:  int(value(r.Params.Limit)),
		Cursor: value(r.Params.Cursor),
		Status: imports.Status(value(r.Params.Status)),
	})
	return listOf(jobs, next, h.service.Bucket.Name()), err
}

func (h handlers) DeleteImport(ctx context.Context, r api.DeleteImportRequestObject) (api.DeleteImportResponseObject, error) {
	return api.DeleteImport204Response{}, h.service.Delete(ctx, imports.Public, r.ID)
}

func (h handlers) SignParts(ctx context.Context, r api.SignPartsRequestObject) (api.SignPartsResponseObject, error) {
	parts, err := h.service.SignParts(ctx, imports.Public, r.ID, imports.PartsRequest{
		First:     value(r.Body.First),
		Count:     value(r.Body.Count),
		Numbers:   r.Body.PartNumbers,
		Checksums: r.Body.Checksums,
	})
	return signedPartsOf(parts), err
}

func (h handlers) ListParts(ctx context.Context, r api.ListPartsRequestObject) (api.ListPartsResponseObject, error) {
	page, err := h.service.ListParts(ctx, imports.Public, r.ID, value(r.Params.After))
	return partListOf(page), err
}

func (h handlers) CompleteImport(ctx context.Context, r api.CompleteImportRequestObject) (api.CompleteImportResponseObject, error) {
	var whole *imports.Checksum
	if r.Body != nil {
		whole = checksumOf(r.Body.Checksum)
	}
	job, err := h.service.Complete(ctx, imports.Public, r.ID, whole)
	return responseOf(job, h.service.Bucket.Name()), err
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
