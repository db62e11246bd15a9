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

// requestOf translates what the caller declared.
func requestOf(b api.ImportRequest) imports.Request {
	r := imports.Request{
		Filename:    value(b.Filename),
		ContentType: value(b.ContentType),
		Size:        b.Size,
		Metadata:    b.Metadata,
		Mode:        imports.Mode(value(b.Mode)),
		ExpiresIn:   time.Duration(value(b.ExpiresIn)) * time.Second,
		WriteOnce:   value(b.WriteOnce),
	}
	if c := b.Checksum; c != nil {
		r.Checksum = &imports.Checksum{Algorithm: string(c.Algorithm), Value: c.Value}
	}
	return r
}

// value is what p points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
