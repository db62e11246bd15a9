// Package tracing records spans of requests, of their calls to the store and of webhook deliveries, and sends them to
// an OpenTelemetry collector by OTLP over HTTP. The Lambda function links it with the build tag traces only. The
// OpenTelemetry SDK reads the variables OTEL_* itself; package config checks them.
//
// Otelhttp records requests and deliveries. No library records the calls to the store: otelaws is deprecated, links the
// clients of DynamoDB and SNS, and records keys; the AWS SDK's own tracing has a span for each step of a call, and
// records error texts that contain keys. Requests to the store carry no traceparent.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"github.com/signpost-s3/signpost/internal/assembly"
	"github.com/signpost-s3/signpost/internal/httpapi"
)

// Tracing records spans. It is safe for concurrent use. A nil Tracing records none.
type Tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer // for calls to the store
}

// propagator reads and writes traceparent and tracestate (W3C Trace Context).
var propagator = propagation.TraceContext{}

// New starts to send spans as the variables OTEL_* say. Version may be empty. Errors of the collector are logged.
func New(ctx context.Context, version string, log *slog.Logger) (*Tracing, error) {
	logErrors(log)
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_*: %w", err)
	}
	about := []resource.Option{resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(semconv.ServiceName("signpost"))}
	if version != "" {
		about = append(about, resource.WithAttributes(semconv.ServiceVersion(version)))
	}
	service, err := resource.New(ctx, append(about, resource.WithFromEnv())...) // the last one takes precedence
	if err != nil {
		return nil, fmt.Errorf("attributes of the service in traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(scrubber{}), sdktrace.WithBatcher(exporter),
		sdktrace.WithResource(service))
	return &Tracing{provider, provider.Tracer("github.com/signpost-s3/signpost")}, nil
}

// Hooks returns what the parts of the service call.
func (t *Tracing) Hooks() assembly.Tracing {
	if t == nil {
		return assembly.Tracing{}
	}
	return assembly.Tracing{
		Requests: httpapi.Tracing{Middleware: t.middleware(), IDs: ids}, OnCall: t.RecordCall, Transport: t.transport,
	}
}

// Flush sends the spans that have ended.
func (t *Tracing) Flush(ctx context.Context) error { return t.provider.ForceFlush(ctx) }

// Shutdown sends the spans that have ended, and records no others.
func (t *Tracing) Shutdown(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// logErrors logs errors of the SDK, at most one a minute: while the collector is down, each batch fails.
func logErrors(log *slog.Logger) {
	seldom := rate.Sometimes{Interval: time.Minute}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		seldom.Do(func() { log.Warn("trace export failed", "error", err) })
	}))
	otel.SetLogger(logr.FromSlogHandler(settingsLog{log.Handler()}))
}

// settingsLog logs what the SDK says about its variables, without the values: they may be headers with credentials.
type settingsLog struct{ slog.Handler }

// Enabled excludes everything but errors.
func (settingsLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }

func (l settingsLog) Handle(ctx context.Context, r slog.Record) error {
	line := slog.NewRecord(r.Time, slog.LevelWarn, "OpenTelemetry setting ignored", 0)
	line.AddAttrs(slog.String("step", r.Message))
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "err" {
			line.AddAttrs(slog.Any("error", a.Value.Any()))
		}
		return true
	})
	return l.Handler.Handle(ctx, line)
}
