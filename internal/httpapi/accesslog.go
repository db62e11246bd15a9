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

	"github.com/signpost-s3/signpost/internal/imports"
)

// requestID names the request: as the caller did, or anew.
func requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		if !isValidRequestID(id) {
			id = uuid.NewString()
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		return next(c)
	}
}

// acceptableID reports whether a caller may choose id: 1 to 128 characters, none of which could forge a log line.
func isValidRequestID(id string) bool {
	return id != "" && len(id) <= 128 && !strings.ContainsFunc(id, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._:=-", r))
	})
}

// account writes one line a request, with fixed keys, when its answer is known, and counts it. The query is left out: it is the
// caller's, and may hold what nobody should read.
func accessLog(log *slog.Logger, answered func(string, int, time.Duration)) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			start := time.Now()
			err := next(c)
			if err != nil {
				c.Error(err)
			}
			now, x := time.Now(), c.(*exchange)
			if answered != nil {
				answered(x.operationID(), c.Response().Status, now.Sub(start))
			}
			level := slog.LevelInfo
			if err != nil && c.Response().Status >= http.StatusInternalServerError {
				level = slog.LevelError
			}
			if ctx := c.Request().Context(); log.Enabled(ctx, level) {
				line := slog.NewRecord(now, level, "request", 0) // no look at the stack for a source that is always this
				x.attrs(&line, now.Sub(start), err)
				_ = log.Handler().Handle(ctx, line) // there is nowhere else to complain
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

// tell adds what the line says of the request, and err, which may be nil, of what came of it. All at once: a record makes room for as
// many as it is given.
func (x *exchange) attrs(line *slog.Record, took time.Duration, err error) {
	request, response := x.Request(), x.Response()
	said := append(make([]slog.Attr, 0, 20),
		slog.String("method", request.Method),
		slog.String("path", x.redactIDs(request.URL.Path)),
		slog.Int("status", response.Status),
		slog.Int64("bytes", response.Size),
		slog.Int64("duration_us", took.Microseconds()),
		slog.String("remote", x.RealIP()),
		slog.String("request_id", response.Header().Get(echo.HeaderXRequestID)),
	)
	if trace, parent := parseTraceparent(request.Header); trace != "" {
		said = append(said, slog.String("trace_id", trace), slog.String("parent_id", parent))
	}
	if x.owner != "" {
		said = append(said, slog.String("owner", x.owner))
	}
	outcome := "done"
	if err != nil {
		outcome = problemOf(err).Code
		said = append(said, slog.String("code", outcome), slog.String("error", cause(err).Error()))
	}
	x.audit.id = x.redactIDs(x.audit.id)
	line.AddAttrs(x.audit.append(said, outcome)...)
}

// logged returns text with whole ids of imports only if they are the caller's. Those of anonymous imports are
// capabilities, and a request that was refused may name one.
func (x *exchange) redactIDs(text string) string {
	if status := x.Response().Status; status >= 400 && status < 500 {
		return imports.ShortIDs(text)
	}
	return imports.LoggedIDs(x.owner, text)
}

// traceOf reads a traceparent (W3C Trace Context, section 3.2): the ids of the trace and of the caller's part in it, or nothing.
func parseTraceparent(h http.Header) (trace, parent string) {
	given := h["Traceparent"]
	if len(given) != 1 {
		return "", ""
	}
	found := traceparentPattern.FindStringSubmatch(given[0])
	if found == nil || found[1] == "ff" || found[1] == "00" && found[4] != "" || strings.Trim(found[2], "0") == "" || strings.Trim(found[3], "0") == "" {
		return "", ""
	}
	return found[2], found[3]
}

// traceparent is version, trace, parent, flags and, in versions later than 00, whatever they will have to say.
var traceparentPattern = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$`)

// cause is the error without Echo's wrapping, which repeats the status.
func cause(err error) error {
	var he *echo.HTTPError
	if errors.As(err, &he) && he.Internal != nil {
		return he.Internal
	}
	return err
}
