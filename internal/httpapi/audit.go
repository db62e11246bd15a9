package httpapi

import (
	"errors"
	"log/slog"

	"github.com/signpost-s3/signpost/internal/auth"
)

// audit is the audit part of a log line: an action on an import, or a rejected caller.
type audit struct {
	action string // create, complete, abort, download, authenticate, authorize; empty: not audited
	id     string
	size   *int64
	reason string // why the caller was rejected
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
