package httpapi

import (
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/internal/imports"
)

// accessLog writes one log line per request, with fixed keys, and calls OnResponse. It omits the query, which may
// contain secrets. It starts the exchange, and answers errors, so that the line has the response's status.
func accessLog(o Options) echo.MiddlewareFunc {
	operations := operationsByRoute()
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			start := time.Now()
			x := &exchange{Context: c, operation: operations[c.Request().Method+c.Path()]}
			x.setRequestID()
			err := next(x)
			if err != nil {
				c.Error(err)
			}
			ended := time.Now()
			took := ended.Sub(start)
			if o.Hooks.OnResponse != nil {
				operation := "other"
				if x.operation != nil {
					operation = x.operation.ID
				}
				o.Hooks.OnResponse(operation, c.Response().Status, took)
			}
			level := slog.LevelInfo
			if err != nil && c.Response().Status >= http.StatusInternalServerError {
				level = slog.LevelError
			}
			ctx, handler := c.Request().Context(), o.Log.Handler()
			if handler.Enabled(ctx, level) {
				line := slog.NewRecord(ended, level, "request", 0) // LogAttrs would look up its caller
				line.AddAttrs(o.Tracing.appendIDs(x.logAttrs(make([]slog.Attr, 0, 20), took, err), c.Request())...)
				_ = handler.Handle(ctx, line) // as Logger does
			}
			return nil
		}
	}
}

// logAttrs appends the attributes of the request and its error, which may be nil, to attrs.
func (x *exchange) logAttrs(attrs []slog.Attr, took time.Duration, err error) []slog.Attr {
	request, response := x.Request(), x.Response()
	attrs = append(attrs,
		slog.String("method", request.Method),
		slog.String("path", x.redactIDs(request.URL.Path)),
		slog.Int("status", response.Status),
		slog.Int64("bytes", response.Size),
		slog.Int64("duration_us", took.Microseconds()),
		slog.String("remote", x.RealIP()),
		slog.String("request_id", x.loggedRequestID()),
	)
	if x.owner != "" {
		attrs = append(attrs, slog.String("owner", x.owner))
	}
	outcome := "done"
	if err != nil {
		outcome = problemOf(err).Code
		attrs = append(attrs, slog.String("code", outcome), slog.String("error", cause(err).Error()))
	}
	x.audit.id = x.redactIDs(x.audit.id)
	return x.audit.append(attrs, outcome)
}

// appendIDs appends the IDs of the request's trace and span to attrs or, if it has no span, those of its traceparent.
func (t Tracing) appendIDs(attrs []slog.Attr, r *http.Request) []slog.Attr {
	if t.IDs != nil {
		if trace, span := t.IDs(r.Context()); trace != "" {
			return append(attrs, slog.String("trace_id", trace), slog.String("span_id", span))
		}
	}
	if trace, parent := parseTraceparent(r.Header); trace != "" {
		attrs = append(attrs, slog.String("trace_id", trace), slog.String("parent_id", parent))
	}
	return attrs
}

// redactIDs shortens the import ids in text unless they are the caller's. Ids of anonymous imports are capabilities,
// and a rejected request may contain another owner's id.
func (x *exchange) redactIDs(text string) string {
	if status := x.Response().Status; status >= 400 && status < 500 {
		return imports.ShortIDs(text)
	}
	return imports.LoggedIDs(x.owner, text)
}

// loggedRequestID returns the request's id. If it contains the import's id, that is redacted as in the path. Other
// UUIDs are logged whole, because the response has them.
func (x *exchange) loggedRequestID() string {
	id := x.requestID()
	for element := range strings.SplitSeq(x.Request().URL.Path, "/") {
		if len(element) >= idLength && strings.Contains(id, element) {
			return x.redactIDs(id)
		}
	}
	return id
}

// idLength is the length of an import's id.
const idLength = len("0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55")

// parseTraceparent returns the trace id and parent id of a valid traceparent (W3C Trace Context, section 3.2).
func parseTraceparent(h http.Header) (trace, parent string) {
	values := h["Traceparent"]
	if len(values) != 1 {
		return "", ""
	}
	match := traceparentPattern.FindStringSubmatch(values[0])
	invalid := match == nil || match[1] == "ff" || match[1] == "00" && match[4] != "" ||
		strings.Trim(match[2], "0") == "" || strings.Trim(match[3], "0") == ""
	if invalid {
		return "", ""
	}
	return match[2], match[3]
}

// traceparentPattern matches version, trace id, parent id, flags and, after version 00, further fields.
var traceparentPattern = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$`)

// cause returns the error without Echo's wrapping, which repeats the status.
func cause(err error) error {
	var he *echo.HTTPError
	if errors.As(err, &he) && he.Internal != nil {
		return he.Internal
	}
	return err
}
