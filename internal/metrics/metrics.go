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
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are those of one process. All methods but Handler may be called by any number of goroutines, on the way of each request.
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

// buckets, in seconds: a bare import takes a tenth of the first, and API Gateway waits for 29.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// New returns the metrics of a process of this version. CredentialsLeft is asked at each scrape for how long the credentials that
// sign are good; false: they have no end.
func New(version string, credentialsLeft func() (time.Duration, bool)) *Metrics {
	m := &Metrics{
		registry:   prometheus.NewRegistry(),
		requests:   counters("signpost_http_requests_total", "Requests answered, by the contract's operation (or other) and status.", "operation", "status"),
		latency:    histogram("signpost_http_request_duration_seconds", "Time from a request's header to the end of its answer, by operation."),
		signatures: prometheus.NewCounter(prometheus.CounterOpts{Name: "signpost_signatures_total", Help: "Signed requests handed out: one for an import or a download, one for each part."}),
		calls:      counters("signpost_s3_requests_total", "Calls to the store, retries included in one, by S3's operation and what came of it; cut: not sent, because the store was down.", "operation", "outcome"),
		callTime:   histogram("signpost_s3_request_duration_seconds", "Time of calls to the store, retries included, by operation."),
		seen:       counters("signpost_imports_seen_total", "Imports in answers, by the state they were shown in.", "status"),
		deliveries: counters("signpost_deliveries_total", "Attempts to tell webhook, bus or import (its own webhook) of an end; failed: it is tried again; dead: it is given up.", "to", "outcome"),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "signpost_build_info", Help: "Always 1; the labels tell what runs.", ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()}})
	build.Set(1)
	m.registry.MustRegister(
		m.requests, m.latency, m.signatures, m.calls, m.callTime, m.seen, m.deliveries, build,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "signpost_credentials_remaining_seconds", Help: "For how long the credentials that sign are good: +Inf where they have no end, 0 where there are none."}, func() float64 {
			left, ends := credentialsLeft()
			if !ends {
				return math.Inf(1)
			}
			return max(0, left.Seconds())
		}),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// ObserveRequest counts a request.
func (m *Metrics) ObserveRequest(operation string, status int, took time.Duration) {
	m.requests.WithLabelValues(operation, strconv.Itoa(status)).Inc()
	m.latency.WithLabelValues(operation).Observe(took.Seconds())
}

// CountSignatures counts n signed requests.
func (m *Metrics) CountSignatures(n int) { m.signatures.Add(float64(n)) }

// ObserveStoreCall counts a call to the store.
func (m *Metrics) ObserveStoreCall(operation, outcome string, took time.Duration) {
	m.calls.WithLabelValues(operation, outcome).Inc()
	m.callTime.WithLabelValues(operation).Observe(took.Seconds())
}

// CountImport counts an import that was shown in a state.
func (m *Metrics) CountImport(status string) { m.seen.WithLabelValues(status).Inc() }

// CountDelivery counts an attempt to deliver an event.
func (m *Metrics) CountDelivery(to, outcome string) { m.deliveries.WithLabelValues(to, outcome).Inc() }

// Handler answers a scrape, of /metrics.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func histogram(name, help string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"operation"})
}
