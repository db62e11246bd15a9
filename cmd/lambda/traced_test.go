package main_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/testing/otlptest"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// TestTraces: a function that is built with the tag traces has sent the spans of an invocation when it returns.
func TestTraces(t *testing.T) {
	traced := filepath.Join(t.TempDir(), "traced")
	if err := build(traced, "lambda.norpc,traces"); err != nil {
		t.Fatal(err)
	}
	collector := otlptest.Start(t, http.StatusOK)
	store := storetest.Open(t)
	invokeOnce := func(env ...string) {
		f := launchBinary(t, traced, environment(t, store, env...)...)
		a := speak(t, gateway(t, contract, f.Invoke), "value-of-a")
		a.create(t, client.ImportRequest{Size: new(int64(5))})
	}
	invokeOnce()
	if got := collector.Text(); got != "" {
		t.Errorf("without the variables: received %s, want nothing", got)
	}
	invokeOnce("OTEL_EXPORTER_OTLP_ENDPOINT="+collector.Endpoint, "OTEL_SERVICE_NAME=uploads")
	posts, puts := collector.Spans("POST /import"), collector.Spans("S3.PutObject")
	if len(posts) != 1 || len(puts) != 1 || puts[0].ParentID != posts[0].SpanID ||
		posts[0].AboutTheService["service.name"] != "uploads" {
		t.Errorf("got %+v and %+v, want one span of the request and one of its record", posts, puts)
	}
	f := launchBinary(t, traced, environment(t, store, "OTEL_TRACES_EXPORTER=zipkin")...)
	if _, err := invoke(t, f.Invoke, "{}"); err == nil || !strings.Contains(err.Error(), "must be otlp or none") {
		t.Errorf("OTEL_TRACES_EXPORTER=zipkin: got %v, want an error that names the values", err)
	}
}
