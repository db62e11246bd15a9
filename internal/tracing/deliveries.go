package tracing

import (
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// transport records a client span for each request of next, and adds its traceparent.
func (t *Tracing) transport(next http.RoundTripper) http.RoundTripper {
	return otelhttp.NewTransport(delivery{next}, otelhttp.WithTracerProvider(t.provider),
		otelhttp.WithPropagators(propagator),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return r.Method + " webhook" }))
}

// delivery corrects the attributes of otelhttp: path and query of a receiver's URL may be secret.
type delivery struct{ next http.RoundTripper }

func (d delivery) RoundTrip(r *http.Request) (*http.Response, error) {
	trace.SpanFromContext(r.Context()).SetAttributes(
		semconv.URLFull(r.URL.Scheme+"://"+r.URL.Host), semconv.CloudEventsEventID(r.Header.Get("Webhook-Id")))
	return d.next.RoundTrip(r)
}
