package httpapi

import (
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
)

// acceptableID is what a caller may choose as X-Request-Id: nothing that could forge a log line.
var acceptableID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)

// requestID names the request: as the caller did, or anew.
func requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		if !acceptableID.MatchString(id) {
			id = uuid.NewString()
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		return next(c)
	}
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
			attrs := []slog.Attr{
				slog.String("method", request.Method),
				slog.String("path", request.URL.Path),
				slog.Int("status", response.Status),
				slog.Int64("bytes", response.Size),
				slog.Float64("duration_ms", float64(time.Since(start).Microseconds())/1000),
				slog.String("remote", c.RealIP()),
				slog.String("request_id", response.Header().Get(echo.HeaderXRequestID)),
			}
			level := slog.LevelInfo
			if err != nil {
				if response.Status >= http.StatusInternalServerError {
					level = slog.LevelError
				}
				attrs = append(attrs, slog.String("code", problemOf(err).Code), slog.String("error", cause(err).Error()))
			}
			log.LogAttrs(request.Context(), level, "request", attrs...)
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
