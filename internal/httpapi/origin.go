package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/signpost-s3/signpost/internal/hostport"
)

// requireLocalHost rejects requests for other hosts than loopback names. Otherwise a web page could reach a service
// without authentication by DNS rebinding.
func requireLocalHost(names Names) check {
	return func(x *exchange) error {
		if hostport.IsLoopback(hostport.Host(x.Request().Host)) {
			return nil
		}
		return newProblem(http.StatusMisdirectedRequest, "misdirected", fmt.Sprintf(
			"Without authentication, this service accepts requests for localhost only. To serve other host names, configure "+
				"API keys (%s), or set %s=true behind a proxy that authenticates callers.",
			names.APIKeysFile, names.AllowAnonymous))
	}
}

// checkOrigin rejects requests of pages that are neither of this service nor of these origins. CORS alone would only
// hide the response; the operation would still run. It rejects all pages at the route for stores, which send no Origin.
func checkOrigin(origins []string, names Names) check {
	return func(x *exchange) error {
		given := x.Request().Header["Origin"]
		switch {
		case len(given) == 0:
			return nil
		case x.Path() == storeEventsPath:
			return newProblem(http.StatusForbidden, "origin-not-allowed",
				"This path receives notifications of the store. Web pages cannot call it.")
		case len(given) == 1 && (slices.Contains(origins, given[0]) || sameOrigin(x.Request(), given[0])):
			return nil
		}
		return newProblem(http.StatusForbidden, "origin-not-allowed", "Pages of this origin may not call this service. "+
			"Ask its operator to add the origin to "+names.CORSOrigins+".")
	}
}

// sameOrigin reports whether origin is the request's own. Behind a proxy that terminates TLS, only the scheme differs.
func sameOrigin(r *http.Request, origin string) bool {
	scheme, host, _ := strings.Cut(origin, "://")
	return strings.EqualFold(host, r.Host) && (scheme == "https" || scheme == "http" && r.TLS == nil)
}

// allowedHeaders are the request headers that pages may send: the API's own, and those that tracing libraries in
// browsers add (W3C Trace Context and Baggage, as OpenTelemetry sends them, and Sentry's).
var allowedHeaders = []string{
	"Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "X-Api-Key", "X-Request-Id",
	"Traceparent", "Tracestate", "Baggage", "Sentry-Trace",
}

// cors allows pages of these exact origins to call the API. It allows no credentials, because the API uses no cookies.
func cors(origins []string) echo.MiddlewareFunc {
	return middleware.CORSWithConfig(middleware.CORSConfig{
		// Without a route, OPTIONS is a 404.
		Skipper:         func(c echo.Context) bool { return c.Request().Method == http.MethodOptions && c.Path() == "" },
		AllowOriginFunc: func(origin string) (bool, error) { return slices.Contains(origins, origin), nil },
		AllowHeaders:    allowedHeaders,
		ExposeHeaders:   []string{"ETag", "Location", "X-Request-Id", "Retry-After", "RateLimit", "RateLimit-Policy"},
		MaxAge:          600,
	})
}
