// Package httpapi serves the API over HTTP. It contains the Echo server and its middleware, request validation
// against the OpenAPI document, and the conversion between generated types, package imports and problem documents
// (RFC 9457). It makes no decisions about imports.
//
// Handlers implement the generated api.ServerInterface. They answer with c.JSON and generated types, or return an
// error, which problem.go converts. The generated strict server is not used: its response types escape each & of a
// signed URL as \u0026, set no Cache-Control, and require a type for each status of each operation.
//
// Requests are validated by validate, not by openapi3filter. Openapi3filter decodes a body before the generated code
// decodes it again, and the two readings can differ: for example, it accepts duplicate JSON members. It also takes
// its error details from schema messages, and finds the route a second time. FuzzValidator and TestValidator
// (validator_test.go) prove that it rejects every request that openapi3filter rejects, and that each
// further rejection has a documented reason.
package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/openapi"
)

// Options configures a server.
type Options struct {
	Service           *imports.Service
	Ready             func(context.Context) error // returns an error if the store is unavailable
	Stopping          func() bool                 // reports whether the process is shutting down; may be nil
	Authenticate      auth.Authenticator          // nil: requests are not authenticated
	RateLimit         int                         // requests per second and caller; 0: no limit
	TrustedProxies    []*net.IPNet                // proxies whose X-Forwarded-For is trusted
	CORSOrigins       []string                    // exact origins; empty: no cross-origin requests
	LocalOnly         bool                        // accept only loopback names in Host
	TLS               bool                        // send Strict-Transport-Security
	RegisterDocuments func(*echo.Echo)            // adds routes besides the API; may be nil
	StoreEvents       StoreEvents                 // disabled if its Secret is empty
	Names             Names
	Log               *slog.Logger
	Hooks             Hooks
	Tracing           Tracing
}

// Names are the names of settings that error details tell operators to change.
type Names struct{ APIKeysFile, AllowAnonymous, CORSOrigins string }

// Hooks are callbacks for metrics. Each may be nil.
type Hooks struct {
	// OnResponse receives the operation's id in the OpenAPI document, or "other".
	OnResponse func(operation string, status int, took time.Duration)
	// OnStatus receives the status of each import in a response.
	OnStatus func(imports.Status)
}

// Tracing connects requests to traces. The zero value records none.
type Tracing struct {
	// Middleware records a span for each request. All other middleware runs inside it.
	Middleware echo.MiddlewareFunc
	// IDs returns the IDs of the trace and the span in a context, or "".
	IDs func(context.Context) (trace, span string)
}

// New returns the handler of the whole API.
func New(o Options) http.Handler {
	e := newEcho(o)
	e.IPExtractor = remoteAddress(o.TrustedProxies)
	limit := newLimiter("requests", o.RateLimit, o.Service.Now)
	api.RegisterHandlers(e, handlers{o.Service, o.Hooks.OnStatus})
	registerHealth(e, o.Ready, o.Stopping)
	registerStoreEvents(e, o.StoreEvents, o.Service, limit)
	if o.RegisterDocuments != nil {
		o.RegisterDocuments(e)
	}

	before := []check{limitRequest}
	if o.LocalOnly {
		before = append(before, requireLocalHost(o.Names))
	}
	before = append(before, checkOrigin(o.CORSOrigins, o.Names))
	var after []check // CORS answers preflight requests before these
	if o.Authenticate != nil {
		after = append(after, authenticate(o.Authenticate, limit))
	}
	if o.RateLimit > 0 {
		after = append(after, countRequest(limit, newDocumentLimiter(o.RateLimit, o.Service.Now)))
	}
	after = append(after, validate(openapi.Load))

	e.Pre(removeTrailingSlash(e))
	e.Use(securityHeaders(o.TLS), inOrder(before...))
	if len(o.CORSOrigins) > 0 {
		e.Use(cors(o.CORSOrigins))
	}
	e.Use(inOrder(after...))
	return e
}

// newEcho returns a server that logs each request and answers errors with problem documents.
func newEcho(o Options) *echo.Echo {
	e := echo.New()
	e.HTTPErrorHandler = renderProblem
	e.JSONSerializer = serializer{}
	if o.Tracing.Middleware != nil {
		e.Use(o.Tracing.Middleware)
	}
	e.Use(accessLog(o), recoverPanics())
	return e
}

// removeTrailingSlash serves /import/ as /import. Paths registered with a trailing slash, such as /docs/, keep it.
func removeTrailingSlash(e *echo.Echo) echo.MiddlewareFunc {
	registered := map[string]bool{}
	for _, r := range e.Routes() {
		registered[r.Path] = true
	}
	return middleware.RemoveTrailingSlashWithConfig(middleware.TrailingSlashConfig{
		Skipper: func(c echo.Context) bool { return registered[c.Request().URL.Path] },
	})
}

// recoverPanics converts a panic into an error that contains the stack. The error is a 500 even if the panic's value
// wraps a domain error.
func recoverPanics() echo.MiddlewareFunc {
	return middleware.RecoverWithConfig(middleware.RecoverConfig{
		DisableErrorHandler: true,
		LogErrorFunc: func(_ echo.Context, err error, stack []byte) error {
			return fmt.Errorf("panic: %v\n%s", err, stack)
		},
	})
}
