// Package httpapi serves the API over HTTP. It contains the Echo server and its middleware, request validation
// against the OpenAPI document, and the conversion between generated types, package imports and problem documents
// (RFC 9457). It makes no decisions about imports.
//
// Handlers implement the generated strict server interface. They return response types of this package (response.go,
// parts.go), which implement the generated Visit…Response methods: the generated response types escape each & of a
// signed URL as \u0026, and set no Cache-Control.
//
// Requests are validated by validator, not by openapi3filter. Openapi3filter decodes a body before the generated code
// decodes it again, and the two readings can differ: for example, it accepts duplicate JSON members. It also takes
// its error details from schema messages, and finds the route a second time. FuzzValidator and TestValidator
// (validator_test.go) prove that the validator rejects every request that openapi3filter rejects, and that each
// further rejection has a documented reason.
package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/openapi"
)

// maxBody limits request bodies, in bytes. The largest legitimate body, 1,000 part checksums, is under 96 kB.
const maxBody = 128 << 10

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
	Log               *slog.Logger
	Hooks             Hooks
}

// Hooks are callbacks for metrics. Each may be nil.
type Hooks struct {
	// OnResponse receives the operation's id in the OpenAPI document, or "other".
	OnResponse func(operation string, status int, took time.Duration)
	// OnStatus receives the status of each import in a response.
	OnStatus func(imports.Status)
}

// New returns the handler of the whole API.
func New(o Options) http.Handler {
	e := echo.New()
	e.IPExtractor = remoteAddress(o.TrustedProxies)
	e.HTTPErrorHandler = renderProblem
	e.Binder = validatedBinder{}
	strict := []api.StrictMiddlewareFunc{withholdURLs, recordAudit}
	api.RegisterHandlers(e, api.NewStrictHandler(handlers{o.Service, o.Hooks.OnStatus}, strict))
	registerHealth(e, o.Ready, o.Stopping)
	if o.RegisterDocuments != nil {
		o.RegisterDocuments(e)
	}
	limit := newLimiter("requests", o.RateLimit, o.Service.Now)
	registerStoreEvents(e, o.StoreEvents, o.Service, limit)

	// Outermost first. The access log precedes everything that can answer, so that each request is logged.
	before := []echo.MiddlewareFunc{
		requestID, securityHeaders(o.TLS), accessLog(o.Log, o.Hooks.OnResponse),
		recoverPanics(), limitRequest, removeTrailingSlash(e),
	}
	var after []echo.MiddlewareFunc // runs once the route is known
	if o.LocalOnly {
		after = append(after, requireLocalHost)
	}
	after = append(after, rejectPages, checkOrigin(o.CORSOrigins))
	if len(o.CORSOrigins) > 0 {
		after = append(after, cors(o.CORSOrigins))
	}
	if o.Authenticate != nil {
		after = append(after, authenticate(o.Authenticate, limit))
	}
	if o.RateLimit > 0 {
		after = append(after, limit.operations, newDocumentLimiter(o.RateLimit, o.Service.Now).documents)
	}
	after = append(after, withCall, newValidator(openapi.Load).middleware)
	return newServer(e, before, after)
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

// server is Echo with a middleware chain that is built once. Echo builds it for each request, with one allocation per
// middleware.
type server struct {
	echo   *echo.Echo
	handle echo.HandlerFunc
}

func newServer(e *echo.Echo, before, after []echo.MiddlewareFunc) *server {
	routed := chain(func(c echo.Context) error { return c.Handler()(c) }, after)
	operations := operationsByRoute()
	return &server{e, chain(func(c echo.Context) error {
		x := c.(*exchange)
		e.Router().Find(c.Request().Method, echo.GetPath(c.Request()), x.Context) // Find accepts only Echo's own type
		x.operation = operations[route{c.Request().Method, c.Path()}]
		return routed(x)
	}, before)}
}

// chain returns h wrapped in layers, of which the first is the outermost.
func chain(h echo.HandlerFunc, layers []echo.MiddlewareFunc) echo.HandlerFunc {
	for _, layer := range slices.Backward(layers) {
		h = layer(h)
	}
	return h
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := s.echo.AcquireContext()
	defer s.echo.ReleaseContext(c)
	c.Reset(r, w)
	x := exchanges.Get().(*exchange)
	defer exchanges.Put(x)
	*x = exchange{Context: c}
	if err := s.handle(x); err != nil {
		s.echo.HTTPErrorHandler(err, c)
	}
}

// exchange is Echo's context of one request, extended by what the middleware found.
type exchange struct {
	echo.Context
	operation *operation // nil: not an operation of the API
	owner     string     // empty: not authenticated
	scope     auth.Scope // of the owner's key or token
	audit     audit
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// operation is an operation of the OpenAPI document, and the scope that it requires.
type operation struct {
	id    string
	scope auth.Scope
}

// operationsByRoute returns the operations of the OpenAPI document by Echo's routes. An operation without a known
// scope is forbidden to all callers.
func operationsByRoute() map[route]*operation {
	operations := make(map[route]*operation, len(openapi.Operations))
	for _, o := range openapi.Operations {
		scope, _ := auth.ParseScopes(o.Scope)
		operations[route{o.Method, echoPath(o.Path)}] = &operation{o.ID, scope}
	}
	return operations
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
