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

// lived is an import and what became of it.
type lived struct {
	id string
	fate
}

// last is the status that it has in the end.
func (l lived) last() string {
	if len(l.ends) == 0 {
		return "awaiting_upload"
	}
	return l.ends[len(l.ends)-1]
}

// live lives the fates of n imports, several at a time, and calls after as each is over.
func (f *fleet) live(t *testing.T, n int, ears *audience, after func(done int)) (all []lived) {
	const atOnce = 24
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	next, over := make(chan fate), make(chan lived, n)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for fate := range next {
				id, err := fate.live(ctx, f)
				l := lived{id, fate}
				if err != nil {
					t.Errorf("an import that is %s: %v", fate.name, err)
				} else if len(fate.ends) > 0 {
					ears.expect(end{id, l.last()})
				}
				// The store tells of arrivals as fast as the service takes them, and of those beyond that not at all.
				if err == nil && fate.storeTells && !ears.awaitAttempt(end{id, l.last()}) {
					t.Errorf("an import that is %s: no delivery within %v", fate.name, limit)
				}
				over <- l
			}
		})
	}
	go func() {
		for i := range n {
			next <- fates[i%len(fates)]
		}
		close(next)
	}()
	for range n {
		all = append(all, <-over)
		after(len(all))
	}
	workers.Wait()
	return all
}

// TestEveryEndIsTold ends imports in every way while servers come and go, before a receiver in a bad mood: each end is
// told, under one id however often, and nothing else is. With SIGNPOST_TEST_LARGE there are 10,000 of them and the
// servers are killed, so that what one was about to send is sent by another; else forty and servers that stop in order.
func TestEveryEndIsTold(t *testing.T) {
	slowTest(t)
	n, kills, patience := 40, 0, limit
	ears := newAudience(t, 1, 0)
	if os.Getenv("SIGNPOST_TEST_LARGE") != "" {
		n, kills, patience = 10_000, 12, 5*time.Minute
		ears = newAudience(t, 2, 10)
	}
	telling := []string{"SIGNPOST_WEBHOOK_URL=" + ears.URL + "/", "SIGNPOST_WEBHOOK_SECRETS=" + ears.secret,
		"SIGNPOST_WEBHOOK_NETWORKS=127.0.0.0/8"}
	store := startLocal(t, t.TempDir(), telling...)
	onIt := append(telling, "SIGNPOST_BUCKET="+localBucket, "SIGNPOST_PATH_STYLE=true", "AWS_REGION=us-east-1",
		"AWS_ENDPOINT_URL_S3="+store.store(t), "AWS_SHARED_CREDENTIALS_FILE="+store.credentialsFile())
	f := &fleet{web: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: limit},
		body: "a,b,c\n1,2,3\n"}
	var servers []*process
	for range 3 {
		p := start(t, onIt...)
		servers, f.apis = append(servers, p), append(f.apis, p.api)
	}
	again := func(victim int, how syscall.Signal) {
		servers[victim].signal(t, how)
		servers[victim].wait(t)
		servers[victim] = start(t, append(onIt, "SIGNPOST_LISTEN="+hostOf(t, f.apis[victim]))...)
	}

	begun := time.Now()
	var all []lived
	if kills == 0 {
		all = f.live(t, n/2, ears, func(int) {})
		for _, l := range all {
			if len(l.ends) > 0 && !ears.awaitAttempt(end{l.id, l.last()}) {
				t.Errorf("an import that is %s: no delivery within %v", l.name, limit)
			}
		}
		again(0, syscall.SIGTERM)
		all = append(all, f.live(t, n/2, ears, func(int) {})...)
	} else {
		share := n / (2 * kills) // those after the last kill end while the others' leases last
		all = f.live(t, n, ears, func(done int) {
			if done%share == 0 && done/share <= kills {
				again(rand.IntN(len(servers)), syscall.SIGKILL)
			}
		})
	}
	t.Logf("%d imports ended after %v", n, time.Since(begun).Round(time.Millisecond))
	ears.awaitAll(t, patience)
	t.Logf("told after %v: %s", time.Since(begun).Round(time.Millisecond), ears.summary())
	f.wantStatuses(t, all)
	ears.wantNothingElse(t, all)
	store.wantOutboxDone(t, ears, kills > 0)
	t.Logf("outbox seen after %v", time.Since(begun).Round(time.Millisecond))
	for _, p := range append(servers, store) {
		if strings.Contains(p.stdout.String()+p.stderr.String(), ears.secret) {
			t.Errorf("the secret was written:\n%s%s", p.stdout, p.stderr)
		}
	}
}

// wantStatuses asks the API how each import ended.
func (f *fleet) wantStatuses(t *testing.T, all []lived) {
	t.Helper()
	var workers sync.WaitGroup
	for part := range slices.Chunk(all, len(all)/8) {
		workers.Go(func() {
			for _, l := range part {
				if l.name == "bare" {
					continue
				}
				var job struct{ Status string }
				if err := f.ask(t.Context(), "GET", "/import/"+l.id, "", &job); err != nil || job.Status != l.last() {
					t.Errorf("an import that is %s: got %q, %v, want %s", l.name, job.Status, err, l.last())
				}
			}
		})
	}
	workers.Wait()
}

// wantOutboxDone waits until nothing is left in the bucket's outbox or, where empty is not set, nothing but
// announcements that came second: of an import that was told under another id. They are there until their lease has
// ended.
func (p *process) wantOutboxDone(t *testing.T, ears *audience, empty bool) {
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
		return empty || ears.knows(strings.TrimSuffix(key[len(key)-len(".json")-36:], ".json"))
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
