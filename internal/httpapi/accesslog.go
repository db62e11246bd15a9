package httpapi

import (
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/imports"
)

// requestID sets X-Request-Id in the response: the request's value if it is valid, or a new UUID.
func requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		if !bucket.IsRequestID(id) {
			id = uuid.NewString()
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		return next(c)
	}
}

// accessLog writes one log line per request, with fixed keys, and calls onResponse. It omits the query, which may
// contain secrets.
func accessLog(log *slog.Logger, onResponse func(string, int, time.Duration)) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			start := time.Now()
			err := next(c)
			if err != nil {
				c.Error(err)
			}
			now, x := time.Now(), c.(*exchange)
			if onResponse != nil {
				onResponse(x.operationID(), c.Response().Status, now.Sub(start))
			}
			level := slog.LevelInfo
			if err != nil && c.Response().Status >= http.StatusInternalServerError {
				level = slog.LevelError
			}
			if ctx := c.Request().Context(); log.Enabled(ctx, level) {
				line := slog.NewRecord(now, level, "request", 0) // without a source: it would always be this line
				x.addAttrs(&line, now.Sub(start), err)
				_ = log.Handler().Handle(ctx, line)
			}
			return nil
		}
	}
}

func (x *exchange) operationID() string {
	if x.operation == nil {
		return "other"
	}
	return x.operation.id
}

// addAttrs adds the attributes of the request and its error, which may be nil. It adds them by one call, so that the
// record allocates once.
func (x *exchange) addAttrs(line *slog.Record, took time.Duration, err error) {
	request, response := x.Request(), x.Response()
	attrs := append(make([]slog.Attr, 0, 20),
		slog.String("method", request.Method),
		slog.String("path", x.redactIDs(request.URL.Path)),
		slog.Int("status", response.Status),
		slog.Int64("bytes", response.Size),
		slog.Int64("duration_us", took.Microseconds()),
		slog.String("remote", x.RealIP()),
		slog.String("request_id", x.loggedRequestID()),
	)
	if trace, parent := parseTraceparent(request.Header); trace != "" {
		attrs = append(attrs, slog.String("trace_id", trace), slog.String("parent_id", parent))
	}
	if x.owner != "" {
		attrs = append(attrs, slog.String("owner", x.owner))
	}
	outcome := "done"
	if err != nil {
		outcome = problemOf(err).Code
		attrs = append(attrs, slog.String("code", outcome), slog.String("error", cause(err).Error()))
	}
	x.audit.id = x.redactIDs(x.audit.id)
	line.AddAttrs(x.audit.append(attrs, outcome)...)
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
	id := x.Response().Header().Get(echo.HeaderXRequestID)
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
