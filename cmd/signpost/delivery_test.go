package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// scenarioRun is an import of a scenario.
type scenarioRun struct {
	id string
	scenario
}

// last returns the final status.
func (l scenarioRun) last() string {
	if len(l.statuses) == 0 {
		return "awaiting_upload"
	}
	return l.statuses[len(l.statuses)-1]
}

// runAll runs the scenarios for n imports, several at a time, and calls after when each has finished.
func (f *cluster) runAll(t *testing.T, n int, hooks *testReceiver, after func(done int)) (all []scenarioRun) {
	const atOnce = 24
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	next, finished := make(chan scenario), make(chan scenarioRun, n)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for scenario := range next {
				id, err := scenario.run(ctx, f)
				l := scenarioRun{id, scenario}
				if err != nil {
					t.Errorf("an import that is %s: %v", scenario.name, err)
				} else if len(scenario.statuses) > 0 {
					hooks.expect(outcome{id, l.last()})
				}
				// The store drops notifications that the service does not handle fast enough.
				if err == nil && scenario.byNotification && !hooks.awaitAttempt(outcome{id, l.last()}) {
					t.Errorf("an import that is %s: no delivery within %v", scenario.name, limit)
				}
				finished <- l
			}
		})
	}
	go func() {
		for i := range n {
			next <- scenarios[i%len(scenarios)]
		}
		close(next)
	}()
	for range n {
		all = append(all, <-finished)
		after(len(all))
	}
	workers.Wait()
	return all
}

// TestEveryTerminalStatusIsDelivered runs all scenarios while servers restart and the receiver rejects some deliveries.
// Each event is delivered under one ID, and no other event is. With SIGNPOST_TEST_LARGE, 10,000 imports run while
// servers are killed, so that others take over their deliveries; otherwise 40 imports, and servers stop in order.
func TestEveryTerminalStatusIsDelivered(t *testing.T) {
	slowTest(t)
	n, kills, timeout := 40, 0, limit
	hooks := newTestReceiver(t, 1, 0)
	if os.Getenv("SIGNPOST_TEST_LARGE") != "" {
		n, kills, timeout = 10_000, 12, 5*time.Minute
		hooks = newTestReceiver(t, 2, 10)
	}
	webhookSettings := []string{"SIGNPOST_WEBHOOK_URL=" + hooks.URL + "/", "SIGNPOST_WEBHOOK_SECRETS=" + hooks.secret,
		"SIGNPOST_WEBHOOK_NETWORKS=127.0.0.0/8"}
	store := startLocal(t, t.TempDir(), webhookSettings...)
	settings := append(webhookSettings, "SIGNPOST_BUCKET="+localBucket, "SIGNPOST_PATH_STYLE=true", "AWS_REGION=us-east-1",
		"AWS_ENDPOINT_URL_S3="+store.store(t), "AWS_SHARED_CREDENTIALS_FILE="+store.credentialsFile())
	f := &cluster{web: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: limit},
		body: "a,b,c\n1,2,3\n"}
	var servers []*process
	for range 3 {
		p := start(t, settings...)
		servers, f.apis = append(servers, p), append(f.apis, p.api)
	}
	restart := func(victim int, signal syscall.Signal) {
		servers[victim].signal(t, signal)
		servers[victim].wait(t)
		servers[victim] = start(t, append(settings, "SIGNPOST_LISTEN="+hostOf(t, f.apis[victim]))...)
	}

	begun := time.Now()
	var all []scenarioRun
	if kills == 0 {
		all = f.runAll(t, n/2, hooks, func(int) {})
		for _, l := range all {
			if len(l.statuses) > 0 && !hooks.awaitAttempt(outcome{l.id, l.last()}) {
				t.Errorf("an import that is %s: no delivery within %v", l.name, limit)
			}
		}
		restart(0, syscall.SIGTERM)
		all = append(all, f.runAll(t, n/2, hooks, func(int) {})...)
	} else {
		share := n / (2 * kills) // those after the last kill end while the others' leases last
		all = f.runAll(t, n, hooks, func(done int) {
			if done%share == 0 && done/share <= kills {
				restart(rand.IntN(len(servers)), syscall.SIGKILL)
			}
		})
	}
	t.Logf("%d imports ended after %v", n, time.Since(begun).Round(time.Millisecond))
	hooks.awaitDelivered(t, timeout)
	t.Logf("delivered after %v: %s", time.Since(begun).Round(time.Millisecond), hooks.summary())
	f.checkStatuses(t, all)
	hooks.checkNothingElse(t, all)
	store.awaitEmptyOutbox(t, hooks, kills > 0)
	t.Logf("outbox empty after %v", time.Since(begun).Round(time.Millisecond))
	for _, p := range append(servers, store) {
		if strings.Contains(p.stdout.String()+p.stderr.String(), hooks.secret) {
			t.Errorf("the secret was written:\n%s%s", p.stdout, p.stderr)
		}
	}
}

// checkStatuses compares the status of each import with its scenario.
func (f *cluster) checkStatuses(t *testing.T, all []scenarioRun) {
	t.Helper()
	var workers sync.WaitGroup
	for part := range slices.Chunk(all, len(all)/8) {
		workers.Go(func() {
			for _, l := range part {
				if l.name == "untracked" {
					continue
				}
				var job struct{ Status string }
				if err := f.call(t.Context(), "GET", "/import/"+l.id, "", &job); err != nil || job.Status != l.last() {
					t.Errorf("an import that is %s: got %q, %v, want %s", l.name, job.Status, err, l.last())
				}
			}
		})
	}
	workers.Wait()
}

// awaitEmptyOutbox waits until the outbox is empty or, unless empty is set, has only entries of events that were
// delivered under another ID. Those stay until their lease has ended.
func (p *process) awaitEmptyOutbox(t *testing.T, hooks *testReceiver, empty bool) {
	t.Helper()
	id, secret := p.credentials(t)
	store := s3.New(s3.Options{Region: "us-east-1", UsePathStyle: true, BaseEndpoint: new(p.store(t)),
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, "")})
	list := func() []string {
		var keys []string
		pages := s3.NewListObjectsV2Paginator(store, &s3.ListObjectsV2Input{Bucket: new(localBucket), Prefix: new("outbox/")})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, object := range page.Contents {
				keys = append(keys, *object.Key)
			}
		}
		return keys
	}
	undone := func(key string) bool {
		return empty || hooks.accepted(strings.TrimSuffix(key[len(key)-len(".json")-36:], ".json"))
	}
	left := list()
	for deadline := time.Now().Add(3 * time.Minute); slices.ContainsFunc(left, undone) &&
		time.Now().Before(deadline); left = list() {
		time.Sleep(100 * time.Millisecond) // a bucket sends no notifications
	}
	if n := slices.IndexFunc(left, undone); n >= 0 {
		t.Errorf("outbox: got %d entries, of which %s should not be there", len(left), left[n])
	}
}
