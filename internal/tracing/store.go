package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// RecordCall records a call of a request to the store, which has just ended; see bucket.Hooks. Calls of sweeps and of
// deliveries belong to no request: each would be a trace of its own.
func (t *Tracing) RecordCall(ctx context.Context, operation, outcome string, took time.Duration) {
	if t == nil || !trace.SpanContextFromContext(ctx).IsValid() {
		return
	}
	end := time.Now()
	_, span := t.tracer.Start(ctx, "S3."+operation, trace.WithTimestamp(end.Add(-took)),
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
			semconv.RPCSystemNameKey.String("aws-api"), semconv.RPCMethod("S3/"+operation),
			attribute.String("signpost.outcome", outcome)))
	switch outcome {
	case "ok", "not-found", "changed": // the last two are what the service asks for
	default:
		span.SetAttributes(semconv.ErrorTypeKey.String(outcome))
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(end))
}
