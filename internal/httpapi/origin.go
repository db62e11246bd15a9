package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/signpost-s3/signpost/internal/hostport"
)

// localNames answers requests for this machine's own names alone. Otherwise a web page whose name is made to point here (DNS
// rebinding) could speak to a service that takes the local address for its only guard.
func requireLocalHost(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !hostport.IsLoopback(hostport.Host(c.Request().Host)) {
			return &problem{Status: http.StatusMisdirectedRequest, Code: "misdirected", Detail: "This service answers as localhost alone. Behind a proxy that guards it, give it callers that it can know (SIGNPOST_API_KEYS_FILE), or set SIGNPOST_ALLOW_ANONYMOUS=true."}
		}
		return next(c)
	}
}

// knownOrigins refuses calls of pages that are neither this service's own nor of these origins. Their browser would keep the answer
// from them, but what they asked for would be done.
func checkOrigin(origins []string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			given := c.Request().Header["Origin"]
			switch {
			case len(given) == 0, len(given) == 1 && (slices.Contains(origins, given[0]) || sameOrigin(c.Request(), given[0])):
				return next(c)
			}
			return &problem{Status: http.StatusForbidden, Code: "origin-not-allowed", Detail: "Pages of this Origin may not call this service. Its operator names those that may in SIGNPOST_CORS_ORIGINS."}
		}
	}
}

// sameOrigin reports whether origin is the one this request goes to. Behind a proxy that ends TLS, only the scheme differs.
func sameOrigin(r *http.Request, origin string) bool {
	scheme, host, _ := strings.Cut(origin, "://")
	return strings.EqualFold(host, r.Host) && (scheme == "https" || scheme == "http" && r.TLS == nil)
}

// allowedHeaders are the request headers that pages may send: the API's own, and those that tracing libraries in browsers add by
// themselves (W3C Trace Context and Baggage, as OpenTelemetry sends them, and Sentry's).
var allowedHeaders = []string{
	"Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "X-Api-Key", "X-Request-Id",
	"Traceparent", "Tracestate", "Baggage", "Sentry-Trace",
}

// crossOrigin lets pages of exactly these origins call the API. There are no cookies, so no credentials are allowed.
func cors(origins []string) echo.MiddlewareFunc {
	return middleware.CORSWithConfig(middleware.CORSConfig{
		Skipper:         func(c echo.Context) bool { return c.Request().Method == http.MethodOptions && c.Path() == "" }, // there is nothing: 404
		AllowOriginFunc: func(origin string) (bool, error) { return slices.Contains(origins, origin), nil },
		AllowHeaders:    allowedHeaders,
		ExposeHeaders:   []string{"ETag", "X-Request-Id", "Retry-After", "RateLimit", "RateLimit-Policy"},
		MaxAge:          600,
	})
}
