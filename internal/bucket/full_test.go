package bucket

import (
	"errors"
	"testing"
)

// TestStoreFull checks which responses mean a full store.
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
		w := &fakeStore{answer: respond(c.status, c.code)}
		b, _ := openFake(t, w, static())
		if err := b.CreateRecord(t.Context(), "k", nil); errors.Is(err, ErrStoreFull) != c.full {
			t.Errorf("%d %s: got %v, want store full %v", c.status, c.code, err, c.full)
		}
	}
}
