// Package metrics counts requests, store calls and deliveries for Prometheus. The Lambda function does not link it.
package metrics

import (
	"math"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the metrics of one process. They are safe for concurrent use.
type Metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.CounterVec
	latency    *prometheus.HistogramVec
	signatures prometheus.Counter
	calls      *prometheus.CounterVec
	callTime   *prometheus.HistogramVec
	seen       *prometheus.CounterVec
	deliveries *prometheus.CounterVec
}

// buckets are upper limits in seconds. POST /import without a body takes a tenth of the first, and API Gateway waits
// for 29 s.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// New returns the metrics of a process of this version.
func New(version string) *Metrics {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	auto := promauto.With(registry)
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return auto.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	histogram := func(name, help string) *prometheus.HistogramVec {
		options := prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}
		return auto.NewHistogramVec(options, []string{"operation"})
	}
	auto.NewGauge(prometheus.GaugeOpts{Name: "signpost_build_info",
		Help:        "Always 1; the labels contain the versions.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	}).Set(1)
	m := &Metrics{
		registry: registry,
		requests: counters("signpost_http_requests_total",
			"HTTP responses, by API operation (other: no operation) and status.", "operation", "status"),
		latency: histogram("signpost_http_request_duration_seconds",
			"Duration of HTTP requests, from the header to the end of the response, by API operation."),
		signatures: auto.NewCounter(prometheus.CounterOpts{Name: "signpost_signatures_total",
			Help: "Signed URLs and forms: one for each import, download and part."}),
		calls: counters("signpost_s3_requests_total",
			"Calls to the store, by S3 operation and outcome (cut: not sent, the circuit breaker is open). Retries are not counted.",
			"operation", "outcome"),
		callTime: histogram("signpost_s3_request_duration_seconds",
			"Duration of calls to the store including retries, by S3 operation."),
		seen: counters("signpost_imports_seen_total", "Imports in responses, by status.", "status"),
		deliveries: counters("signpost_deliveries_total",
			"Delivery attempts, by receiver (import: its own webhook) and outcome (failed: it is retried; dead: it is not).",
			"to", "outcome"),
	}
	for _, to := range []string{"webhook", "bus", "import"} {
		for _, outcome := range []string{"ok", "failed", "dead"} {
			m.deliveries.WithLabelValues(to, outcome) // from 0, so that increase() also finds the first
		}
	}
	return m
}

// ObserveCredentials adds the remaining validity of the signing credentials. Each scrape calls left, which returns
// false if they do not expire.
func (m *Metrics) ObserveCredentials(left func() (remaining time.Duration, ends bool)) {
	promauto.With(m.registry).NewGaugeFunc(prometheus.GaugeOpts{Name: "signpost_credentials_remaining_seconds",
		Help: "Remaining validity of the signing credentials: +Inf if they do not expire, 0 if there are none.",
	}, func() float64 {
		remaining, ends := left()
		if !ends {
			return math.Inf(1)
		}
		return max(0, remaining.Seconds())
	})
}

// ObserveRequest counts a request and its duration.
func (m *Metrics) ObserveRequest(operation string, status int, took time.Duration) {
	m.requests.WithLabelValues(operation, strconv.Itoa(status)).Inc()
	m.latency.WithLabelValues(operation).Observe(took.Seconds())
}

// CountSignatures counts n signed requests.
func (m *Metrics) CountSignatures(n int) { m.signatures.Add(float64(n)) }

// ObserveStoreCall counts a call to the store and its duration.
func (m *Metrics) ObserveStoreCall(operation, outcome string, took time.Duration) {
	m.calls.WithLabelValues(operation, outcome).Inc()
	m.callTime.WithLabelValues(operation).Observe(took.Seconds())
}

// CountImport counts an import in a response, by its status there.
func (m *Metrics) CountImport(status string) { m.seen.WithLabelValues(status).Inc() }

// CountDelivery counts an attempt to deliver an event.
func (m *Metrics) CountDelivery(to, outcome string) { m.deliveries.WithLabelValues(to, outcome).Inc() }

// Handler returns the handler of GET /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
