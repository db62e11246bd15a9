// Package otlptest is a collector of OpenTelemetry for tests: it receives traces by OTLP over HTTP.
package otlptest

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/proto"
)

// Collector is a running collector.
type Collector struct {
	// Endpoint is the value of OTEL_EXPORTER_OTLP_ENDPOINT.
	Endpoint string

	mu    sync.Mutex
	spans []Span
	text  strings.Builder
}

// Span is a received span. IDs are hexadecimal.
type Span struct {
	Name, Kind, Status          string // Kind such as SERVER; Status UNSET, OK or ERROR
	TraceID, SpanID, ParentID   string // ParentID is empty if the span has no parent
	Attributes, AboutTheService map[string]string
}

// Start starts a collector that answers with status, until the test ends.
func Start(t testing.TB, status int) *Collector {
	t.Helper()
	c := &Collector{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request collector.ExportTraceServiceRequest
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = proto.Unmarshal(body, &request)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("collector: %s: %v", r.URL.Path, err)
		}
		c.add(&request)
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	c.Endpoint = server.URL
	return c
}

func (c *Collector) add(request *collector.ExportTraceServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text.WriteString(request.String())
	for _, resource := range request.ResourceSpans {
		about := text(resource.Resource.Attributes)
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans = append(c.spans, Span{
					Name:    s.Name,
					Kind:    strings.TrimPrefix(s.Kind.String(), "SPAN_KIND_"),
					Status:  strings.TrimPrefix(s.Status.GetCode().String(), "STATUS_CODE_"),
					TraceID: hex.EncodeToString(s.TraceId), SpanID: hex.EncodeToString(s.SpanId),
					ParentID:   hex.EncodeToString(s.ParentSpanId),
					Attributes: text(s.Attributes), AboutTheService: about,
				})
			}
		}
	}
}

// text returns the values of attributes by their names.
func text(attributes []*common.KeyValue) map[string]string {
	values := map[string]string{}
	for _, a := range attributes {
		switch v := a.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			values[a.Key] = v.StringValue
		default:
			_, values[a.Key], _ = strings.Cut(a.Value.String(), ":")
		}
	}
	return values
}

// Spans returns the spans that were received with this name, in their order.
func (c *Collector) Spans(name string) []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.spans), func(s Span) bool { return s.Name != name })
}

// Span returns the only span that was received with this name and this value of an attribute.
func (c *Collector) Span(t testing.TB, name, attribute, value string) Span {
	t.Helper()
	spans := c.Spans(name)
	found := slices.DeleteFunc(slices.Clone(spans), func(s Span) bool { return s.Attributes[attribute] != value })
	if len(found) != 1 {
		t.Fatalf("span %s: got %+v, want one with %s=%s", name, spans, attribute, value)
	}
	return found[0]
}

// Text returns all that was received, as text.
func (c *Collector) Text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}
