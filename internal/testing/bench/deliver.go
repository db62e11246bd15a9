package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/testing/lambdatest"
)

const (
	attackEvents = 2500
	slowAnswer   = 14 * time.Second
	// one per second: the leases of the attacker's events expire after two minutes, and a sweep takes them
	attackSamples = 150
)

// measureDeliver lets one owner complete imports whose receiver takes 14 s to respond. Then it measures how long
// events of another owner take to a fast receiver: by a running service, and by a Lambda function's sweep.
func measureDeliver(ctx context.Context, b *bench) error {
	r, err := newReceivers(b.dir)
	if err != nil {
		return err
	}
	defer r.close()
	keys, file, err := apiKeys(b.dir, "attacker", "victim")
	if err != nil {
		return err
	}
	env := append(r.env(), "SIGNPOST_API_KEYS_FILE="+file)
	service, store, err := b.service(ctx, env...)
	if err != nil {
		return err
	}
	attacker, victim := caller{service.line, keys[0]}, caller{service.line, keys[1]}
	var attack errgroup.Group
	attack.SetLimit(16)
	for range attackEvents {
		attack.Go(func() error { return attacker.importOne(ctx, r.slow.URL) })
	}
	if err := attack.Wait(); err != nil {
		return err
	}
	var took []float64
	for range attackSamples {
		ms, err := r.await(ctx, func() error { return victim.importOne(ctx, r.fast.URL) })
		if err != nil {
			return err
		}
		took = append(took, ms)
		time.Sleep(time.Second)
	}
	_, peak, err := service.memory()
	if err != nil {
		return err
	}
	slices.Sort(took)
	what := fmt.Sprintf("delivery beside %d slow ones, ms", attackEvents)
	figures := fmt.Sprintf("at most; median %.0f; the slow receiver accepted %d", median(took), r.accepted.Load())
	printRow(what, "", took[len(took)-1], "", atMost(1000), figures)
	printRow("  memory, MiB", "", peak, "", atMost(100), "at most")

	r.refuses.Store(true) // so that the next event remains for the sweep
	if err := victim.importOne(ctx, r.fast.URL); err != nil {
		return err
	}
	for until := time.Now().Add(time.Minute); r.refused.Load() == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			return fmt.Errorf("no event was tried")
		}
	}
	time.Sleep(2 * time.Second) // until the failure is recorded
	if err := syscall.Kill(service.pid, syscall.SIGKILL); err != nil {
		return err
	}
	time.Sleep(5 * time.Second) // until the event is due again
	r.refuses.Store(false)
	return b.measureSweep(ctx, r, store)
}

// measureSweep lets a function deliver the remaining events.
func (b *bench) measureSweep(ctx context.Context, r *receivers, s store) error {
	bootstrap, err := b.buildLambda(ctx)
	if err != nil {
		return err
	}
	env := append(
		r.env(),
		"SIGNPOST_BUCKET="+bucketName,
		"SIGNPOST_PATH_STYLE=true",
		"AWS_REGION=us-east-1",
		"AWS_ENDPOINT_URL_S3="+s.endpoint,
		"AWS_ACCESS_KEY_ID="+s.accessKey,
		"AWS_SECRET_ACCESS_KEY="+s.secretKey,
		"AWS_SESSION_TOKEN=",
	)
	function, err := lambdatest.Start(lambdatest.Options{Bootstrap: bootstrap, Env: env})
	if err != nil {
		return err
	}
	defer function.Stop()
	const schedule = `{"version":"0","id":"x","detail-type":"Scheduled Event","source":"aws.events",` +
		`"resources":["rule/x"],"detail":{}}`
	began := time.Now()
	if _, err := function.Invoke(ctx, []byte(schedule)); err != nil {
		return fmt.Errorf("%w\n%s", err, function.Log())
	}
	ended := time.Since(began)
	select {
	case at := <-r.arrived:
		printRow(
			"  by a function's sweep, ms",
			"",
			milliseconds(at.Sub(began)),
			"",
			atMost(20_000),
			fmt.Sprintf("the sweep took %.0f s", ended.Seconds()),
		)
		return nil
	default:
		return fmt.Errorf("the function's sweep delivered nothing:\n%s", function.Log())
	}
}

// receivers are a slow and a fast receiver of events.
type receivers struct {
	slow, fast        *httptest.Server
	certificate       string
	accepted, refused atomic.Int64 // accepted by the slow one, rejected by the fast one
	refuses           atomic.Bool  // whether the fast one rejects
	arrived           chan time.Time
}

func newReceivers(dir string) (*receivers, error) {
	r := &receivers{certificate: filepath.Join(dir, "receivers.pem"), arrived: make(chan time.Time, 1)}
	r.slow = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		select {
		case <-time.After(slowAnswer):
			r.accepted.Add(1)
		case <-q.Context().Done():
		}
	}))
	r.fast = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if r.refuses.Load() {
			r.refused.Add(1)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		r.arrived <- time.Now()
	}))
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.slow.Certificate().Raw})
	return r, os.WriteFile(r.certificate, text, 0o600)
}

func (r *receivers) close() {
	r.slow.CloseClientConnections()
	r.slow.Close()
	r.fast.Close()
}

// env returns the variables by which a service trusts and calls the receivers.
func (r *receivers) env() []string {
	host := func(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "https://") }
	return []string{
		"SSL_CERT_FILE=" + r.certificate, "SIGNPOST_WEBHOOK_HOSTS=" + host(r.slow) + "," + host(r.fast),
		"SIGNPOST_WEBHOOK_NETWORKS=127.0.0.0/8", "SIGNPOST_WEBHOOK_SECRETS=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	}
}

// await calls publish and returns the milliseconds until the fast receiver has an event.
func (r *receivers) await(ctx context.Context, publish func() error) (float64, error) {
	began := time.Now()
	if err := publish(); err != nil {
		return 0, err
	}
	select {
	case at := <-r.arrived:
		return milliseconds(at.Sub(began)), nil
	case <-time.After(5 * time.Minute):
		return 0, fmt.Errorf("no event arrived within 5 minutes")
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// caller is an owner of imports.
type caller struct{ service, key string }

// importOne uploads an object and reads the import, so that the service detects the completion.
func (c caller) importOne(ctx context.Context, hook string) error {
	var job struct {
		ID     string
		Status string
		Upload struct {
			URL     string
			Headers map[string]string
		}
	}
	body := fmt.Sprintf(`{"webhook_url":%q}`, hook)
	if err := c.call(ctx, http.MethodPost, c.service+"/import", body, nil, &job); err != nil {
		return err
	}
	if err := c.call(ctx, http.MethodPut, job.Upload.URL, "hello", job.Upload.Headers, nil); err != nil {
		return err
	}
	if err := c.call(ctx, http.MethodGet, c.service+"/import/"+job.ID, "", nil, &job); err != nil {
		return err
	}
	if job.Status != "completed" {
		return fmt.Errorf("import %s is %s", job.ID, job.Status)
	}
	return nil
}

// call sends a request to the service or the store, and decodes the response into answer unless that is nil.
func (c caller) call(ctx context.Context, method, url, body string, headers map[string]string, answer any) error {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	if answer != nil {
		request.Header.Set("X-Api-Key", c.key)
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s: %s", method, response.Status, bytes.TrimSpace(text))
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}

// apiKeys returns keys of these owners, and the keys file.
func apiKeys(dir string, names ...string) (keys []string, file string, err error) {
	var lines bytes.Buffer
	for _, name := range names {
		key, line, err := auth.NewKey(name, auth.All)
		if err != nil {
			return nil, "", err
		}
		keys = append(keys, key)
		lines.WriteString(line + "\n")
	}
	file = filepath.Join(dir, "keys")
	return keys, file, os.WriteFile(file, lines.Bytes(), 0o600)
}
