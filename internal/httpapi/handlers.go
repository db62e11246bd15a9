package httpapi

import (
	"net/http"
	"path"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/imports"
)

// handlers implements the generated api.ServerInterface. Each request has been validated.
type handlers struct {
	service  *imports.Service
	onStatus func(imports.Status) // may be nil
}

// CreateImport creates a tracked import, or an untracked one if the request has no body.
func (h handlers) CreateImport(c echo.Context, params api.CreateImportParams) error {
	x := c.(*exchange)
	x.audit.action = "create"
	if x.body == nil {
		return h.signUntracked(x)
	}
	var body api.ImportRequest
	if err := x.decodeBody(&body); err != nil {
		return err
	}
	job, err := h.service.Create(x.context(), x.ownerOrPublic(), domainRequest(body), deref(params.IdempotencyKey))
	if err != nil {
		return err
	}
	x.Response().Header().Set("Location", "/import/"+job.ID)
	return h.respond(x, http.StatusCreated, job)
}

// signUntracked responds with the URL only. It needs no context with the request ID, because it calls no store. It
// writes the JSON itself, in which a SecretURL needs no escaping: c.JSON would cost 13 % more (BenchmarkUntracked).
func (h handlers) signUntracked(x *exchange) error {
	url, err := h.service.Sign(x.Request().Context(), x.ownerOrPublic())
	if err != nil {
		return err
	}
	x.audit.id = path.Base(url.String())
	x.startJSON()
	_, err = x.Response().Write([]byte(`{"upload_url":"` + url.Reveal() + "\"}\n"))
	return err
}

// startJSON starts a response with encoded JSON.
func (x *exchange) startJSON() {
	header := x.Response().Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
}

func (h handlers) GetImport(c echo.Context, id string, params api.GetImportParams) error {
	x := c.(*exchange)
	known := parseIfNoneMatch(deref(params.IfNoneMatch))
	wait := time.Duration(deref(params.Wait)) * time.Second
	job, err := h.service.Wait(x.context(), x.ownerOrPublic(), id, h.changeSince(known), wait)
	if err != nil {
		return err
	}
	tag := h.etag(job)
	x.Response().Header().Set("ETag", tag)
	if known.match(tag) {
		x.Response().Header().Set("Cache-Control", "no-store")
		return x.NoContent(http.StatusNotModified)
	}
	return h.respond(x, http.StatusOK, job)
}

// HeadImport responds as GetImport does. net/http and package lambdaevent omit the body.
func (h handlers) HeadImport(c echo.Context, id string, params api.HeadImportParams) error {
	return h.GetImport(c, id, api.GetImportParams(params))
}

func (h handlers) ListImports(c echo.Context, params api.ListImportsParams) error {
	x := c.(*exchange)
	jobs, next, err := h.service.List(x.context(), x.ownerOrPublic(), imports.Page{
		Limit:  int(deref(params.Limit)),
		Cursor: deref(params.Cursor),
		Status: imports.Status(deref(params.Status)),
	})
	if err != nil {
		return err
	}
	list := api.ImportList{Imports: make([]api.Import, len(jobs)), NextCursor: optional(next)}
	for i, job := range jobs {
		h.reportStatus(job)
		list.Imports[i] = apiImport(job, h.service.Bucket.Name())
	}
	return x.JSON(http.StatusOK, list)
}

func (h handlers) DeleteImport(c echo.Context, id string) error {
	x := c.(*exchange)
	x.audit = audit{action: "abort", id: id}
	if err := h.service.Delete(x.context(), x.ownerOrPublic(), id); err != nil {
		return err
	}
	return x.NoContent(http.StatusNoContent)
}

func (h handlers) SignParts(c echo.Context, id string) error {
	x := c.(*exchange)
	var body api.PartsRequest
	if err := x.decodeBody(&body); err != nil {
		return err
	}
	parts, err := h.service.SignParts(x.context(), x.ownerOrPublic(), id, imports.PartsRequest{
		First:     deref(body.First),
		Count:     deref(body.Count),
		Numbers:   body.PartNumbers,
		Checksums: body.Checksums,
	})
	if err != nil {
		return err
	}
	x.startJSON()
	return writeSignedParts(x.Response(), parts)
}

func (h handlers) ListParts(c echo.Context, id string, params api.ListPartsParams) error {
	x := c.(*exchange)
	page, err := h.service.ListParts(x.context(), x.ownerOrPublic(), id, deref(params.After))
	if err != nil {
		return err
	}
	return x.JSON(http.StatusOK, apiPartList(page))
}

// CompleteImport responds with 202 while the store still assembles the object.
func (h handlers) CompleteImport(c echo.Context, id string) error {
	x := c.(*exchange)
	x.audit = audit{action: "complete", id: id}
	var body api.CompleteRequest
	if x.body != nil {
		if err := x.decodeBody(&body); err != nil {
			return err
		}
	}
	job, err := h.service.Complete(x.context(), x.ownerOrPublic(), id, domainChecksum(body.Checksum))
	if err != nil {
		return err
	}
	status := http.StatusOK
	if job.Status == imports.Uploading {
		status = http.StatusAccepted
	}
	return h.respond(x, status, job)
}

// respond responds with j. It omits signed requests whose scope the caller lacks: reading an import does not permit
// uploading it, and creating one does not permit downloading it. Reading an import with a download URL is audited.
func (h handlers) respond(x *exchange, status int, j imports.Job) error {
	h.reportStatus(j)
	r := apiImport(j, h.service.Bucket.Name())
	if !x.allows(auth.Create) {
		r.Upload, r.UploadURL = nil, nil
	}
	if !x.allows(auth.Read) {
		r.DownloadURL = nil
	}
	if x.audit.action == "" && r.DownloadURL != nil && x.Request().Method != http.MethodHead {
		x.audit.action = "download"
	}
	x.audit.id, x.audit.size = j.ID, r.Size
	return x.JSON(status, r)
}

func (h handlers) reportStatus(j imports.Job) {
	if h.onStatus != nil {
		h.onStatus(j.Status)
	}
}

// domainRequest converts the body of POST /import.
func domainRequest(b api.ImportRequest) imports.Request {
	return imports.Request{
		Filename:     deref(b.Filename),
		RelativePath: deref(b.RelativePath),
		ContentType:  deref(b.ContentType),
		Size:         b.Size,
		Metadata:     b.Metadata,
		Checksum:     domainChecksum(b.Checksum),
		Mode:         imports.Mode(deref(b.Mode)),
		PartSize:     deref(b.PartSize),
		ExpiresIn:    time.Duration(deref(b.ExpiresIn)) * time.Second,
		WriteOnce:    deref(b.WriteOnce),
		Webhook:      deref(b.WebhookURL),
	}
}

func domainChecksum(c *api.Checksum) *imports.Checksum {
	if c == nil {
		return nil
	}
	return &imports.Checksum{Algorithm: string(c.Algorithm), Value: deref(c.Value)}
}
