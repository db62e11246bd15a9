// Package httpapi is the API over HTTP: the Echo server, validation against the contract, the translation between the generated
// types and package imports, and the one place where errors become problem documents. It decides nothing about imports.
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

// maxBody bounds a request to this API. The largest honest one, 1,000 part checksums, is under 96 kB.
const maxBody = 128 << 10

// Options is what a server is made of.
type Options struct {
	Service           *imports.Service
	Ready             func(context.Context) error // whether the store answers
	Stopping          func() bool                 // whether the process is about to end; may be nil
	Authenticate      auth.Authenticator          // nil: nobody is asked who they are
	RateLimit         int                         // requests a second of each caller; 0: no limit
	TrustedProxies    []*net.IPNet                // whose X-Forwarded-For is believed
	CORSOrigins       []string                    // exact; none: no cross-origin calls
	LocalOnly         bool                        // served to this machine alone, under its local names
	TLS               bool                        // served over TLS, and so for ever after
	RegisterDocuments func(*echo.Echo)            // adds what is served besides the API; may be nil
	StoreEvents       StoreEvents                 // without a secret: none are taken
	Log               *slog.Logger
	Hooks             Hooks
}

// Watch is told what a server does, for metrics. Its members may be nil.
type Hooks struct {
	OnResponse func(operation string, status int, took time.Duration) // operation: its id in the contract, or "other"
	OnStatus   func(imports.Status)                                   // an import, in a state in which an answer shows it
}

// New returns the handler of the whole API.
func New(o Options) http.Handler {
	e := echo.New()
	e.IPExtractor = remoteAddress(o.TrustedProxies)
	e.HTTPErrorHandler = renderProblem
	e.Binder = validatedBinder{}
	api.RegisterHandlers(e, api.NewStrictHandler(handlers{o.Service, o.Hooks.OnStatus}, []api.StrictMiddlewareFunc{withholdURLs, recordAudit}))
	registerHealth(e, o.Ready, o.Stopping)
	if o.RegisterDocuments != nil {
		o.RegisterDocuments(e)
	}
	limit := newLimiter("requests", o.RateLimit, o.Service.Now)
	registerStoreEvents(e, o.StoreEvents, o.Service, limit)

	// Outermost first. The log comes before all that can answer, so that each request has its line.
	before := []echo.MiddlewareFunc{requestID, securityHeaders(o.TLS), accessLog(o.Log, o.Hooks.OnResponse), recoverPanics(), limitRequest, removeTrailingSlash(e)}
	var after []echo.MiddlewareFunc // when the route is known
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

// removeTrailingSlash serves /import/ as /import. Paths that are registered with a slash, such as /docs/, keep it.
func removeTrailingSlash(e *echo.Echo) echo.MiddlewareFunc {
	registered := map[string]bool{}
	for _, r := range e.Routes() {
		registered[r.Path] = true
	}
	return middleware.RemoveTrailingSlashWithConfig(middleware.TrailingSlashConfig{
		Skipper: func(c echo.Context) bool { return registered[c.Request().URL.Path] },
	})
}

// server is Echo with its middleware put together once. Echo itself does that for each request, which costs it a piece of memory
// for every layer.
type server struct {
	echo   *echo.Echo
	handle echo.HandlerFunc
}

func newServer(e *echo.Echo, before, after []echo.MiddlewareFunc) *server {
	found, operations := chain(func(c echo.Context) error { return c.Handler()(c) }, after), operationsByRoute()
	return &server{e, chain(func(c echo.Context) error {
		x := c.(*exchange)
		e.Router().Find(c.Request().Method, echo.GetPath(c.Request()), x.Context) // which takes none but Echo's own
		x.operation = operations[route{c.Request().Method, c.Path()}]
		return found(x)
	}, before)}
}

// chain puts layers, outermost first, around h.
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

// exchange is Echo's context of one request, with what its guards found out and what its log line tells.
type exchange struct {
	echo.Context
	operation *operation // nil: none of the API's
	owner     string     // empty: nobody was asked
	scope     auth.Scope // of the owner's key or token
	audit     audit
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// operation is one of the contract's, and what a caller of it must be allowed to do.
type operation struct {
	id    string
	scope auth.Scope
}

// operationsByRoute are those of the contract, as Echo finds them. One whose scope nobody knows is refused to everybody.
func operationsByRoute() map[route]*operation {
	operations := make(map[route]*operation, len(openapi.Operations))
	for _, o := range openapi.Operations {
		scope, _ := auth.ParseScopes(o.Scope)
		operations[route{o.Method, echoPath(o.Path)}] = &operation{o.ID, scope}
	}
	return operations
}

// recoverPanics turns a panic into an error, with its stack in the log line of the request. What it was about does not count: it is
// a fault of ours.
func recoverPanics() echo.MiddlewareFunc {
	return middleware.RecoverWithConfig(middleware.RecoverConfig{
		DisableErrorHandler: true,
		LogErrorFunc: func(_ echo.Context, err error, stack []byte) error {
			return fmt.Errorf("panic: %v\n%s", err, stack)
		},
	})
}
