package httpapi

import (
	"errors"
	"log/slog"
	"path"

	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/sigv4"
)

// audit is the audit part of a log line: an action on an import, or a rejected caller.
type audit struct {
	action string // create, complete, abort, download, authenticate, authorize; empty: not audited
	id     string
	size   *int64
	reason string // why the caller was rejected
}

// auditActions maps audited operations to actions. Reading an import is a download if the response has a download URL.
var auditActions = map[string]string{
	"CreateImport": "create", "CompleteImport": "complete", "DeleteImport": "abort", "GetImport": "download",
}

// recordAudit records the action and the import of an audited operation.
func recordAudit(next api.StrictHandlerFunc, operation string) api.StrictHandlerFunc {
	action := auditActions[operation]
	if action == "" {
		return next
	}
	return func(c echo.Context, request any) (any, error) {
		response, err := next(c, request)
		x, ok := c.(*exchange)
		if !ok {
			return response, err
		}
		switch r := request.(type) {
		case api.CompleteImportRequestObject:
			x.audit = audit{action: action, id: r.ID}
		case api.DeleteImportRequestObject:
			x.audit = audit{action: action, id: r.ID}
		case api.CreateImportRequestObject:
			x.audit = audit{action: action}
		}
		switch r := response.(type) {
		case untrackedResponse:
			x.audit.id = path.Base(sigv4.SecretURL(r).String())
		case jobResponse:
			if operation != "GetImport" || r.DownloadURL != nil {
				x.audit = audit{action: action, id: deref(r.ID), size: r.Size}
			}
		}
		return response, err
	}
}

// recordRefusal records why authentication failed.
func (a *audit) recordRefusal(err error) {
	a.action = "authenticate"
	var refusal *auth.Error
	if errors.As(err, &refusal) {
		a.reason = refusal.Reason
	}
}

// append adds the audit attributes to attrs.
func (a *audit) append(attrs []slog.Attr, outcome string) []slog.Attr {
	if a.action == "" {
		return attrs
	}
	attrs = append(attrs, slog.String("audit", a.action), slog.String("outcome", outcome))
	if a.id != "" {
		attrs = append(attrs, slog.String("import", a.id))
	}
	if a.size != nil {
		attrs = append(attrs, slog.Int64("size", *a.size))
	}
	if a.reason != "" {
		attrs = append(attrs, slog.String("reason", a.reason))
	}
	return attrs
}
