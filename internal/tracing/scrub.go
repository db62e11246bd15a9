package tracing

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/signpost-s3/signpost/internal/imports"
)

// maxText limits text of clients in spans, in bytes: up to 2,048 spans wait in memory while the collector is down.
const maxText = 256

// scrubber corrects the attributes with which a span begins. Those of a request are text of its client.
type scrubber struct{}

func (scrubber) OnStart(_ context.Context, span sdktrace.ReadWriteSpan) {
	for _, a := range span.Attributes() {
		if a.Value.Type() != attribute.STRING {
			continue
		}
		if text := a.Value.AsString(); scrub(text) != text {
			span.SetAttributes(a.Key.String(scrub(text)))
		}
	}
}

// scrub returns the beginning of s as valid UTF-8, because the exporter discards a batch with one string that is not.
// IDs of imports are shortened: that of an anonymous import is a capability.
func scrub(s string) string {
	s = imports.ShortIDs(s)
	if len(s) > maxText {
		s = strings.Clone(s[:maxText])
	}
	return strings.ToValidUTF8(s, "?")
}

func (scrubber) OnEnd(sdktrace.ReadOnlySpan)      {}
func (scrubber) Shutdown(context.Context) error   { return nil }
func (scrubber) ForceFlush(context.Context) error { return nil }
