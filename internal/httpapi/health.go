package httpapi

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/internal/imports"
)

// readyCacheTime is how long a readiness result is reused, so that a listener causes at most one store request per
// second.
const readyCacheTime = time.Second

// Health returns a handler of /healthz and /readyz only, for a separate listener. It accepts any Host.
func Health(o Options) http.Handler {
	e := newEcho(o)
	registerHealth(e, o.Ready, o.Stopping)
	return e
}

// registerHealth adds the routes for load balancers: /healthz (liveness) and /readyz (readiness, which includes the
// store).
func registerHealth(e *echo.Echo, ready func(context.Context) error, stopping func() bool) {
	ok := func(c echo.Context) error { return c.JSON(http.StatusOK, map[string]string{"status": "ok"}) }
	r := readiness{probe: ready}
	e.Match([]string{http.MethodGet, http.MethodHead}, "/healthz", ok)
	e.Match([]string{http.MethodGet, http.MethodHead}, "/readyz", func(c echo.Context) error {
		if stopping != nil && stopping() {
			return unavailable("stopping", "This server is stopping. Send requests to another server.", nil)
		}
		if err := r.check(c.Request().Context()); err != nil {
			const detail = "The service cannot use its bucket. Run signpost doctor to find the cause."
			return unavailable(imports.CodeStoreUnavailable, detail, err)
		}
		return ok(c)
	})
}

func unavailable(code, detail string, cause error) error {
	return &imports.Error{Kind: imports.Unavailable, Code: code, Detail: detail, Cause: cause}
}

// readiness caches the result of the readiness check.
type readiness struct {
	probe func(context.Context) error

	mu        sync.Mutex // held during the check, so that concurrent callers share it
	checkedAt time.Time
	err       error
}

func (r *readiness) check(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.checkedAt) < readyCacheTime {
		return r.err
	}
	r.err = r.probe(context.WithoutCancel(ctx)) // other callers wait for it too
	r.checkedAt = time.Now()
	return r.err
}
