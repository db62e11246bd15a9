package bucket

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
)

// TestCompleteOnce checks that a completion is retried only if the store asks for it, and that other errors are not
// ErrUnavailable.
func TestCompleteOnce(t *testing.T) {
	for _, c := range []struct {
		status, requests int
		code             string
		kind             error
	}{
		{507, 1, "InsufficientStorage", ErrStoreFull},
		{500, 1, "InternalError", ErrNotCompleted},
		{502, 1, "BadGateway", ErrUnavailable},
		{403, 1, "AccessDenied", ErrForbidden},
		{400, 1, "InvalidPart", ErrBadPart},
		{503, maxAttempts, "SlowDown", ErrUnavailable},
		{409, maxAttempts, "ConditionalRequestConflict", ErrBusy},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &fakeStore{answer: func(r *http.Request) (*http.Response, error) { return respond(c.status, c.code)(r) }}
			b, _ := openFake(t, w, static())
			err := b.CompleteMultipart(t.Context(), inProgress, []Part{{Number: 1, Size: 1, ETag: "e"}}, "")
			if w.count() != c.requests || !errors.Is(err, c.kind) {
				t.Errorf("%d %s: got %v after %d requests, want %v after %d", c.status, c.code, err, w.count(), c.kind, c.requests)
			}
		})
	}
}
