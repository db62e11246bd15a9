package bucket

import (
	"errors"
	"testing"
)

// TestStoreFull: how stores say that they have no space, and what only looks like it. Check reports it until a write succeeds.
func TestStoreFull(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		full   bool
	}{
		{507, "InsufficientStorage", true}, // versitygw
		{507, "XMinioStorageFull", true},
		{400, "XMinioAdminBucketQuotaExceeded", true},
		{403, "QuotaExceeded", true}, // Ceph
		{507, "", true},              // a proxy
		{503, "SlowDown", false},
		{403, "AccessDenied", false},
		{500, "InternalError", false},
	} {
		w := &wire{answer: says(c.status, c.code)}
		b, _ := wired(t, w, static())
		if err := b.CreateRecord(t.Context(), "k", nil); errors.Is(err, ErrStoreFull) != c.full {
			t.Errorf("%d %s: got %v, want store full %v", c.status, c.code, err, c.full)
		}
		if err := b.checkSpace(t.Context()); errors.Is(err, ErrStoreFull) != c.full {
			t.Errorf("check after %d %s: got %v, want store full %v", c.status, c.code, err, c.full)
		}
		w.becomes(says(200, ""))
		if err := b.Check(t.Context()); err != nil {
			t.Errorf("check once writes succeed after %d %s: got %v", c.status, c.code, err)
		}
	}
}
