package server_test

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/testing/otlptest"
)

// W3C Trace Context of a client.
const (
	clientTrace, clientSpan = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	traceparent             = "00-" + clientTrace + "-" + clientSpan + "-01"
)

// startTraced runs a service that requires API keys and sends its traces to a collector.
func startTraced(t *testing.T, collector string, c config.Config) *service {
	t.Helper()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
	s, file := withKeys(t)
	c.APIKeysFile, c.Traces = file, true
	return startAs(t, c, s)
}

// call sends a request and returns the body of the response, which must have this status.
func (s *service) call(t *testing.T, want int, method, path, body string, header ...string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.address+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Api-Key", s.key)
	r.Header.Set("X-Forwarded-For", "203.0.113.7") // of no trusted proxy
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != want {
		t.Fatalf("%s %s: got %d %s, %v, want %d", method, path, response.StatusCode, answer, err, want)
	}
	return string(answer)
}

// TestTraces: each request is a span of the client's trace, its calls to the store are spans below it, and no span has
// a secret. What is not sent yet is sent when the service stops.
func TestTraces(t *testing.T) {
	collector := otlptest.Start(t, http.StatusOK)
	s := startTraced(t, collector.Endpoint, config.Config{})
	var created struct{ ID string }
	body := s.call(t, 201, "POST", "/import", `{"size":5}`, "Traceparent", traceparent, "X-Request-Id", "create",
		"Idempotency-Key", "idempotency-secret-"+rand.Text())
	if err := json.Unmarshal([]byte(body), &created); err != nil {
		t.Fatal(err)
	}
	s.call(t, 200, "GET", "/import/"+created.ID+"?wait=0", "", "X-Request-Id", "read")
	s.call(t, 404, "GET", "/import/0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55", "", "X-Request-Id", "unknown")
	s.call(t, 404, "GET", "/nothing/here?secret-query", "", "X-Request-Id", "nothing")
	s.call(t, 401, "POST", "/import", "", "X-Api-Key", "wrong-secret", "X-Request-Id", "refused")
	line := s.logLine(t, "create")
	s.stop()

	const status = "http.response.status_code"
	post := collector.Span(t, "POST /import", status, "201")
	if post.Kind != "SERVER" || post.TraceID != clientTrace || post.ParentID != clientSpan || post.Status != "UNSET" {
		t.Errorf("POST /import: got %+v, want a server span below the client's", post)
	}
	if line["trace_id"] != clientTrace || line["span_id"] != post.SpanID {
		t.Errorf("log line: got %v, want the ids of %+v", line, post)
	}
	for name, want := range map[string]string{"http.route": "/import", "url.path": "/import",
		"client.address": "127.0.0.1"} {
		if got := post.Attributes[name]; got != want {
			t.Errorf("POST /import: attribute %s: got %q, want %q", name, got, want)
		}
	}
	if about := post.AboutTheService; about["service.name"] != "signpost" || about["service.version"] != "test" {
		t.Errorf("resource: got %v, want service signpost of version test", about)
	}
	stored := 0
	for _, put := range collector.Spans("S3.PutObject") {
		if put.ParentID == post.SpanID && put.TraceID == clientTrace && put.Kind == "CLIENT" && put.Status == "UNSET" {
			stored++
		}
		if put.ParentID == "" {
			t.Errorf("got %+v, want no span of the lease, which belongs to no request", put)
		}
	}
	if stored != 2 { // the claim of the key and the record
		t.Errorf("S3.PutObject: got %d spans below POST /import, want 2", stored)
	}
	if read := collector.Span(t, "GET /import/:id", status, "200"); read.ParentID != "" {
		t.Errorf("request without traceparent: got %+v, want a trace of its own", read)
	}
	unknown := collector.Span(t, "GET /import/:id", status, "404")
	if unknown.Attributes["url.path"] != "/import/0198c5a4-7b1e-7c3a" || unknown.Status != "UNSET" {
		t.Errorf("unknown import: got %+v, want a short id and no error", unknown)
	}
	collector.Span(t, "GET", status, "404") // a path without a route
	collector.Span(t, "POST /import", status, "401")
	for _, secret := range []string{s.key, "wrong-secret", "X-Amz-", "idempotency-secret", "secret-query", created.ID} {
		if strings.Contains(collector.Text(), secret) {
			t.Errorf("the spans contain %s: %s", secret, collector.Text())
		}
	}
}

// TestHostileTraces: a client that sends long text, or text that is not UTF-8 and thus invalid in protobuf, does not
// prevent that its request and others are recorded.
func TestHostileTraces(t *testing.T) {
	collector := otlptest.Start(t, http.StatusOK)
	s := startTraced(t, collector.Endpoint, config.Config{})
	s.call(t, 200, "POST", "/import", "")
	s.call(t, 404, "GET", "/%ff", "", "User-Agent", "\xff")
	s.call(t, 404, "GET", "/"+strings.Repeat("x", 3000), "", "User-Agent", strings.Repeat("日", 4000))
	if _, err := io.WriteString(s.dial(t), s.head("GET http://h%ff/", "X-Request-Id: host")); err != nil {
		t.Fatal(err)
	}
	s.logLine(t, "host")
	s.call(t, 404, "GET", "/", "", "Tracestate", strings.Repeat("a=b,", 2000), "Traceparent", traceparent)
	s.stop()
	if n := len(collector.Spans("POST /import")); n != 1 {
		t.Errorf("POST /import: got %d spans, want 1; log:\n%s", n, s.log)
	}
	got := collector.Spans("GET")
	if len(got) != 4 {
		t.Fatalf("GET: got %+v, want 4 spans", got)
	}
	for _, span := range got {
		for name, value := range span.Attributes {
			if len(value) > 256 {
				t.Errorf("%s: got %d bytes, want at most 256", name, len(value))
			}
		}
	}
}

// TestTracesOff: without the variables nothing is sent, and the log has the ids of the client's span.
func TestTracesOff(t *testing.T) {
	collector := otlptest.Start(t, http.StatusOK)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Endpoint)
	s := start(t)
	s.call(t, 201, "POST", "/import", `{"size":5}`, "Traceparent", traceparent, "X-Request-Id", "create")
	line := s.logLine(t, "create")
	s.stop()
	if got := collector.Text(); got != "" {
		t.Errorf("received %s, want nothing", got)
	}
	if line["trace_id"] != clientTrace || line["parent_id"] != clientSpan || line["span_id"] != nil {
		t.Errorf("log line: got %v, want the ids of the client's span", line)
	}
}

// TestUnsampledTraces: a client that does not record its trace decides for the service too.
func TestUnsampledTraces(t *testing.T) {
	collector := otlptest.Start(t, http.StatusOK)
	s := startTraced(t, collector.Endpoint, config.Config{})
	s.call(t, 201, "POST", "/import", `{"size":5}`, "Traceparent", strings.TrimSuffix(traceparent, "1")+"0",
		"X-Request-Id", "create")
	line := s.logLine(t, "create")
	s.stop()
	if got := collector.Text(); got != "" || line["trace_id"] != clientTrace {
		t.Errorf("received %s, log line %v, want nothing and the client's trace", got, line)
	}
}

// TestCollectorFails: requests succeed while the collector refuses or is unreachable, and one line says so.
func TestCollectorFails(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, endpoint := range map[string]string{
		"refuses": otlptest.Start(t, http.StatusUnauthorized).Endpoint, "unreachable": gone.URL,
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1") // each span is sent at once
			s := startTraced(t, endpoint, config.Config{})
			for range 5 {
				s.call(t, 200, "POST", "/import", "")
			}
			s.stop()
			if n := strings.Count(s.log.String(), `"msg":"trace export failed"`); n != 1 {
				t.Errorf("got %d lines about the collector, want 1:\n%s", n, s.log)
			}
		})
	}
}

// TestTracedDelivery: a delivery is a span whose traceparent the receiver gets, and no span has the secret path of the
// receiver's URL.
func TestTracedDelivery(t *testing.T) {
	received := make(chan http.Header, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { received <- r.Header }))
	t.Cleanup(receiver.Close)
	collector := otlptest.Start(t, http.StatusOK)
	s := startTraced(t, collector.Endpoint, config.Config{
		WebhookURL: receiver.URL + "/secret-path?secret-query", WebhookNetworks: []string{"127.0.0.0/8"},
		WebhookSecrets: []config.Secret{"whsec_" + config.Secret(strings.Repeat("AAAA", 8))},
	})
	var created struct{ ID string }
	body := s.call(t, 201, "POST", "/import", `{"size":5}`)
	if err := json.Unmarshal([]byte(body), &created); err != nil {
		t.Fatal(err)
	}
	s.call(t, 204, "DELETE", "/import/"+created.ID, "")
	header := <-received
	s.stop()
	post := collector.Span(t, "POST webhook", "cloudevents.event_id", header.Get("Webhook-Id"))
	if want := "00-" + post.TraceID + "-" + post.SpanID + "-01"; header.Get("Traceparent") != want ||
		post.Kind != "CLIENT" || post.ParentID != "" || post.Attributes["url.full"] != receiver.URL {
		t.Errorf("got %+v and header %v, want a client span with traceparent %s", post, header, want)
	}
	if text := collector.Text(); strings.Contains(text, "secret-") || strings.Contains(text, "webhook-signature") {
		t.Errorf("the spans contain a secret: %s", text)
	}
}
