package httpapi_test

import (
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// unreachableStore is a store that refuses connections while down.
type unreachableStore struct {
	storetest.Memory
	down atomic.Bool
}

func (u *unreachableStore) RoundTrip(r *http.Request) (*http.Response, error) {
	if u.down.Load() {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	return u.Memory.RoundTrip(r)
}

// TestStoreUnreachable checks that all operations but untracked imports report an unreachable store, and change
// nothing.
func TestStoreUnreachable(t *testing.T) {
	store := &unreachableStore{}
	cfg := store.AWS(store)
	inFakeTime(t, settings{memory: &store.Memory, aws: &cfg}, func(t *testing.T, s *service) {
		single := "/import/" + s.create(t, client.ImportRequest{}).ID
		multipart := "/import/" + s.create(t, client.ImportRequest{Mode: multipartMode}).ID
		store.down.Store(true)
		for _, c := range []struct {
			method, path, body string
			status             int
		}{
			{"POST", "/import", "", 200}, {"GET", "/healthz", "", 200},
			{"GET", "/readyz", "", 503}, {"GET", "/import", "", 503},
			{"POST", "/import", "{}", 503}, {"GET", single, "", 503},
			{"POST", "/import", `{"mode":"multipart"}`, 503}, {"GET", multipart, "", 503}, {"DELETE", multipart, "", 503},
			{"POST", multipart + "/parts", `{"first":1,"count":1}`, 503}, {"GET", multipart + "/parts", "", 503},
			{"POST", multipart + "/complete", "", 503},
		} {
			r := request(t, c.method, s.url+c.path, strings.NewReader(c.body))
			if c.body != "" {
				r = withType(r)
			}
			status, header, answer := doBy(t, s.transport, r)
			if status != c.status || status == 503 &&
				(header.Get("Retry-After") == "" || problem(t, header, answer).Code != "store-unavailable") {
				t.Errorf("%s %s %s: got %d %v %s, want %d, or 503 store-unavailable with Retry-After",
					c.method, c.path, c.body, status, header, answer, c.status)
			}
		}
		store.down.Store(false)
		time.Sleep(time.Minute) // in fake time: the circuit breaker and the readiness check allow a request again
		if status, _, answer := doBy(t, s.transport, request(t, "GET", s.url+"/readyz", nil)); status != 200 {
			t.Errorf("readyz once the store is back: got %d %s, want 200", status, answer)
		}
		for _, id := range []string{single, multipart} {
			job := s.read(t, strings.TrimPrefix(id, "/import/"))
			if job.Status != client.ImportStatusAwaitingUpload {
				t.Errorf("read once the store is back: got %+v, want it unchanged", job)
			}
		}
	})
}
