package localstore_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/localstore"
)

func preflight(t *testing.T, s *localstore.Store, origin string) (int, http.Header) {
	t.Helper()
	req := presign(t, s, "OPTIONS", "k", time.Now())
	req.Header.Set("Origin", origin)
	req.Header.Set("Access-Control-Request-Method", "PUT")
	req.Header.Set("Access-Control-Request-Headers", "content-type,if-none-match,x-amz-checksum-crc64nvme")
	status, _, header := send(t, req)
	return status, header
}

func TestCORS(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir, "http://app.example", "http://127.0.0.1:8080")
	for _, origin := range []string{"http://app.example", "http://127.0.0.1:8080"} {
		status, header := preflight(t, s, origin)
		if status != 200 || header.Get("Access-Control-Allow-Origin") != origin {
			t.Errorf("preflight from %s = %d, allowed %q", origin, status, header.Get("Access-Control-Allow-Origin"))
		}
		for _, name := range []string{"content-type", "if-none-match", "x-amz-checksum-crc64nvme"} {
			if !strings.Contains(strings.ToLower(header.Get("Access-Control-Allow-Headers")), name) {
				t.Errorf("preflight allows headers %q, want %s too", header.Get("Access-Control-Allow-Headers"), name)
			}
		}
	}
	for _, origin := range []string{"http://evil.example", "https://app.example", "http://app.example.evil"} {
		status, header := preflight(t, s, origin)
		if status != 403 || header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("preflight from %s = %d, allowed %q", origin, status, header.Get("Access-Control-Allow-Origin"))
		}
	}

	req := presign(t, s, "PUT", "k", time.Now())
	req.Header.Set("Origin", "http://app.example")
	_, _, sent := send(t, req)
	if got := sent.Get("Access-Control-Expose-Headers"); !strings.Contains(got, "ETag") {
		t.Errorf("PUT exposes %q, want ETag among them", got)
	}

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = start(t, dir) // without origins, the earlier rules are removed
	status, header := preflight(t, s, "http://app.example")
	if status != 403 || header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight without rules = %d, allowed %q", status, header.Get("Access-Control-Allow-Origin"))
	}
}
