package tracing_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/httpapi"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
	"github.com/signpost-s3/signpost/internal/tracing"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// BenchmarkUntracked measures an untracked POST /import without a network: without traces, with a trace for each
// request, which is exported, and with one for each hundred.
func BenchmarkUntracked(b *testing.B) {
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	defer collector.Close()
	b.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	b.Setenv("OTEL_TRACES_SAMPLER", "traceidratio")
	uuid.EnableRandPool()
	b.Run("off", func(b *testing.B) { post(b, nil) })
	for name, ratio := range map[string]string{"all": "1", "hundredth": "0.01"} {
		b.Run(name, func(b *testing.B) {
			b.Setenv("OTEL_TRACES_SAMPLER_ARG", ratio)
			traces, err := tracing.New(b.Context(), "", slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			post(b, traces)
			if err := traces.Shutdown(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func post(b *testing.B, traces *tracing.Tracing) {
	target := storetest.Open(b)
	store, err := bucket.Open(b.Context(),
		bucket.Options{Name: target.Bucket, AWS: target.AWS, PathStyle: target.PathStyle})
	if err != nil {
		b.Fatal(err)
	}
	handler := httpapi.New(httpapi.Options{
		Service: &imports.Service{Bucket: store, Limits: imports.Limits{URLTTL: time.Hour, JobTTL: time.Hour}, Now: time.Now},
		Log:     slog.New(slog.NewJSONHandler(io.Discard, nil)),
		Tracing: traces.Hooks().Requests,
	})
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), "POST", "/import", http.NoBody))
		if w.Code != http.StatusOK {
			b.Fatalf("got %d %s, want 200", w.Code, w.Body)
		}
	}
}
