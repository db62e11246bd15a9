package httpapi

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/internal/imports"
)

// registerHealth adds what load balancers ask: /healthz, whether the process lives, and /readyz, whether it can do its work.
func registerHealth(e *echo.Echo, ready func(context.Context) error) {
	ok := func(c echo.Context) error {
		return writeJSON(c.Response(), http.StatusOK, typeJSON, map[string]string{"status": "ok"})
	}
	e.Match([]string{http.MethodGet, http.MethodHead}, "/healthz", ok)
	e.Match([]string{http.MethodGet, http.MethodHead}, "/readyz", func(c echo.Context) error {
		if err := ready(c.Request().Context()); err != nil {
			return &imports.Error{Kind: imports.Unavailable, Code: imports.CodeStoreUnavailable, Detail: "The bucket does not answer as it should.", Cause: err}
		}
		return ok(c)
	})
}
