package sweep

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
)

// TestFullStore: a sweep aborts the uploads of overdue imports although the store has no space for the lease or
// records. It expires the imports when there is space.
func TestFullStore(t *testing.T) {
	w := newWorld(t)
	j := w.begun()
	w.pass(25 * time.Hour)
	full := func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
		if r.Body != nil {
			r.Body.Close()
		}
		body := "<Error><Code>InsufficientStorage</Code></Error>"
		return &http.Response{
			StatusCode: 507,
			Header:     http.Header{},
			Body:       io.NopCloser(strings.NewReader(body)),
			Request:    r,
		}, nil
	}
	s := w.server(&wire{on: func(_ int, kind string) fault {
		if strings.HasPrefix(kind, "PUT ") {
			return full
		}
		return nil
	}})
	if err := s.RunDue(t.Context()); err != nil {
		t.Errorf("Due on a full store: got %v, want nil", err)
	}
	if n := w.uploads(); n != 0 {
		t.Errorf("%d uploads are left, want 0", n)
	}
	w.sweptBy(w.server(nil))
	if got := w.status(j); got != imports.Expired {
		t.Errorf("once there is space: the record says %s, want expired", got)
	}
	w.expect("expired")
}
