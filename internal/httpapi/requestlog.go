package httpapi

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
)

// requestID names the request: as the caller did, or anew.
func requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		if !acceptableID(id) {
			id = uuid.NewString()
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		return next(c)
	}
}

// acceptableID reports whether a caller may choose id: 1 to 128 characters, none of which could forge a log line.
func acceptableID(id string) bool {
	return id != "" && len(id) <= 128 && !strings.ContainsFunc(id, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._:=-", r))
	})
}

// requestLog writes one line a request, with fixed keys, when its answer is known. The query is left out: it is the caller's,
// and may hold what nobody should read.
func requestLog(log *slog.Logger) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			start := time.Now()
			err := next(c)
			if err != nil {
				c.Error(err)
			}
			request, response := c.Request(), c.Response()
			level := slog.LevelInfo
			if err != nil && response.Status >= http.StatusInternalServerError {
				level = slog.LevelError
			}
			if !log.Enabled(request.Context(), level) {
				return nil
			}
			now := time.Now()
			line := slog.NewRecord(now, level, "request", 0) // no look at the stack for a source that is always this
			line.AddAttrs(
				slog.String("method", request.Method),
				slog.String("path", request.URL.Path),
				slog.Int("status", response.Status),
				slog.Int64("bytes", response.Size),
				slog.Int64("duration_us", now.Sub(start).Microseconds()),
				slog.String("remote", c.RealIP()),
				slog.String("request_id", response.Header().Get(echo.HeaderXRequestID)),
			)
			if err != nil {
				line.AddAttrs(slog.String("code", problemOf(err).Code), slog.String("error", cause(err).Error()))
			}
			_ = log.Handler().Handle(request.Context(), line) // there is nowhere else to complain
			return nil
		}
	}
}

// cause is the error without Echo's wrapping, which repeats the status.
func cause(err error) error {
	var he *echo.HTTPError
	if errors.As(err, &he) && he.Internal != nil {
		return he.Internal
	}
	return err
}
