package imports

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// FuzzKeys: keys contain only characters that the server makes, for every ID and Idempotency-Key that a client sends.
func FuzzKeys(f *testing.F) {
	f.Add("0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55", "key")
	f.Add("../../jobs/other/000000000000-x", "../..")
	f.Add("0198C5A4-7B1E-7C3A-9F00-2A6D7C1B4E55", "")
	f.Add("00000000-0000-7000-8000-000000000000", "\x00")
	f.Add("ffffffff-ffff-7fff-bfff-ffffffffffff", "ü")
	safe := regexp.MustCompile(`^(imports|jobs|idem)/public/[a-z0-9.-]+$`)
	f.Fuzz(func(t *testing.T, id, idempotencyKey string) {
		if key := ClaimKey(Public, idempotencyKey); !safe.MatchString(key) {
			t.Errorf("ClaimKey(%q): got %q", idempotencyKey, key)
		}
		if !isCanonicalID(id) {
			return // never made into a key
		}
		for _, key := range []string{objectKey(Public, id), recordKey(Public, id)} {
			if !safe.MatchString(key) || strings.Contains(key, "..") {
				t.Errorf("key of %q: got %q", id, key)
			}
		}
	})
}

// TestRecordsListNewestFirst: S3 lists keys in ascending order, in which the newest job is first.
func TestRecordsListNewestFirst(t *testing.T) {
	keys := []string{
		recordKey(Public, "00000000-0000-7000-8000-000000000000"), // 1970
		recordKey(Public, "0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55"),
		recordKey(Public, "0198c5a4-7b1f-7c3a-9f00-2a6d7c1b4e55"), // a millisecond later
		recordKey(Public, "ffffffff-ffff-7fff-bfff-ffffffffffff"), // 10889
	}
	slices.Reverse(keys)
	if !slices.IsSorted(keys) {
		t.Errorf("newest first: got %q, want them ascending", keys)
	}
}

func TestNewID(t *testing.T) {
	now := time.Now()
	id := newID(now)
	if !isCanonicalID(id) {
		t.Fatalf("newID: got %q, want a canonical UUIDv7", id)
	}
	if at := idTime(id); !at.Equal(now.Truncate(time.Millisecond)) {
		t.Errorf("idTime(%s): got %s, want %s", id, at, now)
	}
}
