package tracing

import (
	"context"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// middleware records a server span for each request, named by its method and route. The span continues the trace of the
// client's traceparent.
func (t *Tracing) middleware() echo.MiddlewareFunc {
	record := echo.WrapMiddleware(otelhttp.NewMiddleware("",
		otelhttp.WithTracerProvider(t.provider), otelhttp.WithPropagators(propagator)))
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		recorded := record(func(c echo.Context) error {
			// Otelhttp uses X-Forwarded-For of any client.
			trace.SpanFromContext(c.Request().Context()).SetAttributes(semconv.ClientAddress(c.RealIP()))
			return next(c)
		})
		return func(c echo.Context) error {
			c.Request().Pattern = c.Path() // where otelhttp looks for the route
			return recorded(c)
		}
	}
}

// ids returns the ids of the trace and the span in ctx.
func ids(ctx context.Context) (traceID, spanID string) {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsValid() {
		return "", ""
	}
	return span.TraceID().String(), span.SpanID().String()
}
