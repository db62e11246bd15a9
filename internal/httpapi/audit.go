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

// audit is what a log line tells of a call that made, changed or handed out something, or that was refused to somebody.
type audit struct {
	action string // create, complete, abort, download, authenticate, authorize; empty: nothing of these
	id     string
	size   *int64
	reason string // of a refusal
}

// actions of the operations that are audited. To read a completed import is a download where the answer can be used as one.
var auditActions = map[string]string{"CreateImport": "create", "CompleteImport": "complete", "DeleteImport": "abort", "GetImport": "download"}

// audited notes what the caller did.
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

// refused notes why somebody was not let in.
func (a *audit) recordRefusal(err error) {
	a.action = "authenticate"
	var refusal *auth.Refusal
	if errors.As(err, &refusal) {
		a.reason = refusal.Reason
	}
}

// append adds the audit to what the log line says, whose other members tell who, when and in which request.
func (a *audit) append(said []slog.Attr, outcome string) []slog.Attr {
	if a.action == "" {
		return said
	}
	said = append(said, slog.String("audit", a.action), slog.String("outcome", outcome))
	if a.id != "" {
		said = append(said, slog.String("import", a.id))
	}
	if a.size != nil {
		said = append(said, slog.Int64("size", *a.size))
	}
	if a.reason != "" {
		said = append(said, slog.String("reason", a.reason))
	}
	return said
}
