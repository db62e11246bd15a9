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
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/openapi"
)

// maxBody bounds a request to this API. The largest honest one, 1,000 part checksums, is under 96 kB.
const maxBody = 128 << 10

// Options is what a server is made of.
type Options struct {
	Service     *imports.Service
	Ready       func(context.Context) error // whether the store answers
	CORSOrigins []string                    // exact; none: no cross-origin calls
	Local       bool                        // served to this machine alone, under its local names
	Known       bool                        // imports are for callers alone whose owner is in the request's context
	Documents   func(*echo.Echo)            // adds what is served besides the API; may be nil
	Log         *slog.Logger
}

// New returns the handler of the whole API.
func New(o Options) http.Handler {
	e := echo.New()
	e.IPExtractor = echo.ExtractIPDirect() // Echo would believe X-Forwarded-For
	e.HTTPErrorHandler = renderProblem
	e.Binder = validatedBinder{}
	api.RegisterHandlers(e, api.NewStrictHandler(handlers{o.Service}, nil))
	registerHealth(e, o.Ready)
	if o.Documents != nil {
		o.Documents(e)
	}

	// Outermost first. The log comes before all that can answer, so that each request has its line.
	before := []echo.MiddlewareFunc{requestID, requestLog(o.Log), recoverPanics(), middleware.BodyLimit(strconv.Itoa(maxBody) + "B"), middleware.RemoveTrailingSlash()}
	var after []echo.MiddlewareFunc // when the route is known
	if o.Local {
		after = append(after, localNames)
	}
	if len(o.CORSOrigins) > 0 {
		after = append(after, crossOrigin(o.CORSOrigins))
	}
	if o.Known {
		after = append(after, knownCallers)
	}
	after = append(after, newValidator(openapi.Load).middleware)
	return newServer(e, before, after)
}

// server is Echo with its middleware put together once. Echo itself does that for each request, which costs it a piece of memory
// for every layer.
type server struct {
	echo   *echo.Echo
	handle echo.HandlerFunc
}

func newServer(e *echo.Echo, before, after []echo.MiddlewareFunc) *server {
	found := chain(func(c echo.Context) error { return c.Handler()(c) }, after)
	return &server{e, chain(func(c echo.Context) error {
		e.Router().Find(c.Request().Method, echo.GetPath(c.Request()), c)
		return found(c)
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
	if err := s.handle(c); err != nil {
		s.echo.HTTPErrorHandler(err, c)
	}
}

// recoverPanics turns a panic into an error, with its stack in the log line of the request.
func recoverPanics() echo.MiddlewareFunc {
	return middleware.RecoverWithConfig(middleware.RecoverConfig{
		DisableErrorHandler: true,
		LogErrorFunc: func(_ echo.Context, err error, stack []byte) error {
			return fmt.Errorf("panic: %w\n%s", err, stack)
		},
	})
}

// localNames answers requests for this machine's own names alone. Otherwise a web page whose name is made to point here (DNS
// rebinding) could speak to a service that takes the local address for its only guard.
func localNames(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		host := c.Request().Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if ip := net.ParseIP(strings.Trim(host, "[]")); !strings.EqualFold(host, "localhost") && (ip == nil || !ip.IsLoopback()) {
			return &problem{Status: http.StatusMisdirectedRequest, Code: "misdirected", Detail: "This service answers as localhost alone. Behind a proxy that guards it, set SIGNPOST_ALLOW_ANONYMOUS=true."}
		}
		return next(c)
	}
}

// knownCallers refuses those whom whatever stands before this server did not name.
func knownCallers(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if _, known := imports.Caller(c.Request().Context()); !known && (c.Path() == "/import" || strings.HasPrefix(c.Path(), "/import/")) {
			return &problem{
				Status: http.StatusUnauthorized, Code: "unauthenticated", Header: [2]string{"WWW-Authenticate", "ApiKey"},
				Detail: "The gateway did not say who calls. Send an API key as x-api-key, or have the gateway ask for one.",
			}
		}
		return next(c)
	}
}

// crossOrigin lets pages of exactly these origins call the API. There are no cookies, so no credentials are allowed.
func crossOrigin(origins []string) echo.MiddlewareFunc {
	return middleware.CORSWithConfig(middleware.CORSConfig{
		AllowOriginFunc: func(origin string) (bool, error) { return slices.Contains(origins, origin), nil },
		AllowHeaders:    []string{"Content-Type", "Idempotency-Key", "X-Api-Key", "X-Request-Id"},
		ExposeHeaders:   []string{"X-Request-Id", "Retry-After"},
		MaxAge:          600,
	})
}
