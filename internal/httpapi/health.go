package httpapi

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/imports"
)

// lookEvery is how long a result of the readiness check is reused: a listener causes at most one request to the store a second.
const readyCacheTime = time.Second

// Health returns a handler of /healthz and /readyz alone, for a listener of its own. Unlike New's, it answers to any host name.
func Health(o Options) http.Handler {
	e := echo.New()
	e.HTTPErrorHandler = renderProblem
	registerHealth(e, o.Ready, o.Stopping)
	before := []echo.MiddlewareFunc{requestID, accessLog(o.Log, o.Hooks.OnResponse), recoverPanics()}
	return newServer(e, before, nil)
}

// registerHealth adds what load balancers ask: /healthz, whether the process lives, and /readyz, whether it can do its work.
func registerHealth(e *echo.Echo, ready func(context.Context) error, stopping func() bool) {
	ok := func(c echo.Context) error {
		return writeJSON(c.Response(), http.StatusOK, typeJSON, map[string]string{"status": "ok"})
	}
	r := readiness{probe: ready}
	e.Match([]string{http.MethodGet, http.MethodHead}, "/healthz", ok)
	e.Match([]string{http.MethodGet, http.MethodHead}, "/readyz", func(c echo.Context) error {
		if stopping != nil && stopping() {
			return &imports.Error{Kind: imports.Unavailable, Code: "stopping", Detail: "This server is about to stop. Ask another."}
		}
		err := r.check(c.Request().Context())
		if errors.Is(err, bucket.ErrStoreFull) {
			return &imports.Error{Kind: imports.Unavailable, Code: imports.CodeStoreFull, Detail: imports.StoreFullDetail, Cause: err}
		}
		if err != nil {
			return &imports.Error{Kind: imports.Unavailable, Code: imports.CodeStoreUnavailable, Detail: "The bucket does not answer as it should.", Cause: err}
		}
		return ok(c)
	})
}

// readiness remembers for a moment what it found.
type readiness struct {
	probe func(context.Context) error

	mu        sync.Mutex // held while asking, so that one asks for all
	checkedAt time.Time
	err       error
}

func (r *readiness) check(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.checkedAt) < readyCacheTime {
		return r.err
	}
	r.err = r.probe(context.WithoutCancel(ctx)) // others wait for it too
	r.checkedAt = time.Now()
	return r.err
}
