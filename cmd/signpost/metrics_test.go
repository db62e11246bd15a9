package main

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestMetrics: requests are counted, on a separate port, and no secret is exposed.
func TestMetrics(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys")
	key := signpost(t, "keygen", "alice", "--append", file)
	address := freeAddress(t)
	p := startLocal(t, t.TempDir(), "SIGNPOST_API_KEYS_FILE="+file, "SIGNPOST_METRICS_LISTEN="+address)
	for range 3 {
		p.call(t, web, key)
	}
	p.call(t, web, "wrong")
	r, err := http.NewRequestWithContext(t.Context(), "POST", p.api+"/import", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Api-Key", key)
	r.Header.Set("Content-Type", "application/json")
	response, err := web.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	scraped := get(t, web, "http://"+address+"/metrics")
	for _, line := range []string{
		`signpost_http_requests_total{operation="createImport",status="200"} 3`,
		`signpost_http_requests_total{operation="createImport",status="201"} 1`,
		`signpost_http_requests_total{operation="createImport",status="401"} 1`,
		`signpost_http_request_duration_seconds_count{operation="createImport"} 5`,
		`signpost_signatures_total 4`,
		`signpost_s3_requests_total{operation="PutObject",outcome="ok"} `, // of the import, and of the sweeper's lease
		`signpost_imports_seen_total{status="awaiting_upload"} 1`,
		`signpost_deliveries_total{outcome="dead",to="webhook"} 0`,
		`signpost_credentials_remaining_seconds +Inf`,
		`signpost_build_info{goversion="go`,
		`go_goroutines `, `process_open_fds `,
	} {
		if !strings.Contains(scraped, line) {
			t.Errorf("no %s", line)
		}
	}
	if strings.Contains(scraped, key) || strings.Contains(scraped, "X-Amz") || t.Failed() {
		t.Errorf("scraped:\n%s", scraped)
	}
	if status, _, _ := p.do(t, "GET", "/metrics", ""); status != 404 {
		t.Errorf("/metrics of the API: got %d, want 404", status)
	}
}

func get(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 200 {
		t.Fatalf("GET %s: %s %v", url, response.Status, err)
	}
	return string(body)
}
