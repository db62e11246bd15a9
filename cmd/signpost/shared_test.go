package main

import (
	"encoding/json"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
)

// startOn runs signpost serve on the bucket of a's local store.
func startOn(t *testing.T, a *process) *process {
	t.Helper()
	return start(t, "SIGNPOST_BUCKET="+localBucket, "SIGNPOST_PATH_STYLE=true", "AWS_REGION=us-east-1",
		"AWS_ENDPOINT_URL_S3="+a.store(t), "AWS_SHARED_CREDENTIALS_FILE="+a.credentialsFile())
}

func TestTwoServicesShareOneBucket(t *testing.T) {
	t.Parallel()
	a := startLocal(t, t.TempDir())
	b := startOn(t, a)
	for _, c := range []struct {
		name             string
		creates, answers *process
	}{
		{"created on A, read on B", a, b},
		{"created on B, read on A", b, a},
	} {
		t.Run(c.name, func(t *testing.T) {
			job := c.creates.create(t)
			c.answers.wantStatus(t, job.ID, client.ImportStatusAwaitingUpload)
			upload(t, job.UploadURL, []byte("shared"))
			c.answers.wantStatus(t, job.ID, client.ImportStatusCompleted)
			c.creates.wantStatus(t, job.ID, client.ImportStatusCompleted)
		})
	}
}

// While the store is unavailable, operations that need it fail, and others succeed. Later all succeed again.
func TestStoreGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := startLocal(t, dir)
	b := startOn(t, a)
	job := b.create(t)
	settings := a.sameAddresses(t)
	a.signal(t, syscall.SIGKILL)
	a.wait(t)

	for _, c := range []struct {
		method, path, body string
		works              bool
	}{
		{"POST", "/import", "", true},
		{"GET", "/healthz", "", true},
		{"POST", "/import", "{}", false},
		{"GET", "/import/" + job.ID, "", false},
		{"GET", "/readyz", "", false},
	} {
		status, header, body := b.do(t, c.method, c.path, c.body)
		if what := c.method + " " + c.path + " " + c.body; !c.works {
			want503(t, what, status, header, body)
		} else if status != http.StatusOK {
			t.Errorf("%s: got %d %s, want 200", what, status, body)
		}
	}

	startLocal(t, dir, settings...)
	b.awaitReady(t)
	upload(t, job.UploadURL, []byte("signed before the store went away"))
	b.wantStatus(t, job.ID, client.ImportStatusCompleted)
}

// awaitReady waits until the service is ready.
func (p *process) awaitReady(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if status, _, _ := p.do(t, "GET", "/readyz", ""); status == http.StatusOK {
			return
		}
	}
	t.Fatalf("not ready after %v", limit)
}

// want503 is the response while the store is unavailable.
func want503(t *testing.T, what string, status int, header http.Header, body []byte) {
	t.Helper()
	var problem client.Problem
	if err := json.Unmarshal(body, &problem); err != nil || status != http.StatusServiceUnavailable ||
		problem.Code != "store-unavailable" ||
		header.Get("Content-Type") != "application/problem+json" || header.Get("Retry-After") == "" {
		t.Errorf("%s: got %d %v %s, want 503 store-unavailable as a problem with Retry-After", what, status, header, body)
	}
}
