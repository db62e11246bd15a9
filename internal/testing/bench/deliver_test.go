package main

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signpost-s3/signpost/internal/auth"
)

const (
	attackEvents = 2500
	// One per second: the leases of the attacker's events expire after two minutes, and a sweep takes them.
	victimEvents = 150
)

// BenchmarkDeliver lets one owner complete imports whose receiver takes 14 s to respond. Then it measures how long
// events of another owner take to a fast receiver: by a running service, and by a Lambda function's sweep.
func BenchmarkDeliver(b *testing.B) {
	r := newReceivers(b)
	keys, file := newKeys(b, "attacker", "victim")
	store := startStore(b)
	service := startService(b, slices.Concat(store, r.env(), []string{"SIGNPOST_API_KEYS_FILE=" + file}))
	var attack errgroup.Group
	attack.SetLimit(16)
	for range attackEvents {
		attack.Go(func() error { complete(b, service, keys[0], r.slow.URL); return nil })
	}
	_ = attack.Wait() // complete has reported the error
	var took []time.Duration
	for range victimEvents {
		began := time.Now()
		complete(b, service, keys[1], r.fast.URL)
		select {
		case at := <-r.arrived:
			took = append(took, at.Sub(began))
		case <-time.After(5 * time.Minute):
			b.Fatal("no event arrived within 5 minutes")
		}
		time.Sleep(time.Second)
	}
	b.ReportMetric(milliseconds(slices.Max(took)), "longest-ms")
	b.ReportMetric(milliseconds(median(took)), "median-ms")
	b.ReportMetric(service.memory(b, "VmHWM"), "peak-MiB")

	r.rejects.Store(true) // so that the next event remains for the sweep
	complete(b, service, keys[1], r.fast.URL)
	for until := time.Now().Add(time.Minute); r.rejected.Load() == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			b.Fatal("no event was tried")
		}
	}
	time.Sleep(2 * time.Second) // until the failure is recorded
	if err := syscall.Kill(service.pid, syscall.SIGKILL); err != nil {
		b.Fatal(err)
	}
	time.Sleep(5 * time.Second) // until the event is due again
	r.rejects.Store(false)
	b.ReportMetric(milliseconds(sweep(b, r, append(store, "AWS_SESSION_TOKEN="))), "sweep-ms")
}

// sweep lets a function deliver the remaining events. It returns the time from the start to the fast receiver's event.
func sweep(b *testing.B, r *receivers, env []string) time.Duration {
	function := startFunction(b, buildFunction(b), append(r.env(), env...))
	defer function.Stop()
	began := time.Now()
	invoke(b, function, `{"version":"0","id":"x","detail-type":"Scheduled Event","source":"aws.events",`+
		`"resources":["rule/x"],"detail":{}}`)
	select {
	case at := <-r.arrived:
		return at.Sub(began)
	default:
		b.Fatalf("the function's sweep delivered nothing:\n%s", function.Log())
		return 0
	}
}

// complete creates and uploads an import, and reads it, so that the service detects the completion.
func complete(b *testing.B, service process, key, webhook string) {
	header := http.Header{"X-Api-Key": {key}, "Content-Type": {"application/json"}}
	var job struct {
		ID, Status string
		Upload     struct {
			URL     string
			Headers map[string]string
		}
	}
	decode := func(text []byte) {
		if err := json.Unmarshal(text, &job); err != nil {
			b.Error(err)
		}
	}
	decode(send(b, http.MethodPost, service.url+"/import", fmt.Sprintf(`{"webhook_url":%q}`, webhook), header.Clone()))
	signed := http.Header{}
	for name, value := range job.Upload.Headers {
		signed.Set(name, value)
	}
	send(b, http.MethodPut, job.Upload.URL, "hello", signed)
	decode(send(b, http.MethodGet, service.url+"/import/"+job.ID, "", header))
	if job.Status != "completed" {
		b.Errorf("import %s is %s", job.ID, job.Status)
	}
}

// receivers are a slow and a fast receiver of events.
type receivers struct {
	slow, fast  *httptest.Server
	certificate string
	rejects     atomic.Bool // whether the fast one rejects
	rejected    atomic.Int64
	arrived     chan time.Time // at the fast one
}

func newReceivers(b testing.TB) *receivers {
	b.Helper()
	r := &receivers{certificate: filepath.Join(b.TempDir(), "receivers.pem"), arrived: make(chan time.Time, 1)}
	r.slow = httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		select {
		case <-time.After(14 * time.Second):
		case <-q.Context().Done():
		}
	}))
	r.fast = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if r.rejects.Load() {
			r.rejected.Add(1)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		r.arrived <- time.Now()
	}))
	b.Cleanup(r.fast.Close)
	b.Cleanup(r.slow.Close)
	b.Cleanup(r.slow.CloseClientConnections)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.slow.Certificate().Raw})
	if err := os.WriteFile(r.certificate, text, 0o600); err != nil {
		b.Fatal(err)
	}
	return r
}

// env returns the variables by which a service trusts and calls the receivers.
func (r *receivers) env() []string {
	slow, fast := strings.TrimPrefix(r.slow.URL, "https://"), strings.TrimPrefix(r.fast.URL, "https://")
	const network = "=127.0.0.0/8"
	return []string{
		"SSL_CERT_FILE=" + r.certificate, "SIGNPOST_WEBHOOK_HOSTS=" + slow + "," + fast,
		"SIGNPOST_WEBHOOK_NETWORKS=" + slow + network + "," + fast + network,
		"SIGNPOST_WEBHOOK_SECRETS=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	}
}

// newKeys returns API keys of these owners, and the file of their hashes.
func newKeys(b testing.TB, names ...string) (keys []string, file string) {
	b.Helper()
	file = filepath.Join(b.TempDir(), "keys")
	for _, name := range names {
		key, line, err := auth.NewKey(name, auth.All)
		if err == nil {
			err = auth.AppendKey(file, line)
		}
		if err != nil {
			b.Fatal(err)
		}
		keys = append(keys, key)
	}
	return keys, file
}
