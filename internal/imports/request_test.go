package imports

import (
	"testing"
	"time"
)

// TestFingerprint: what the caller could tell apart, the Idempotency-Key does.
func TestFingerprint(t *testing.T) {
	one, two := int64(1), int64(2)
	seen := map[string]Request{}
	for _, r := range []Request{
		{}, {Filename: "a"}, {ContentType: "a"}, {Size: &one}, {Size: &two}, {Mode: Form}, {ExpiresIn: time.Second}, {WriteOnce: true},
		{Checksum: &Checksum{Algorithm: "a", Value: "b"}}, {Checksum: &Checksum{Algorithm: "ab"}},
		{Metadata: map[string]string{"a": "b"}}, {Metadata: map[string]string{"a": "b", "c": "d"}}, {Metadata: map[string]string{"a": "bcd"}},
	} {
		if other, taken := seen[r.fingerprint()]; taken {
			t.Errorf("fingerprint: %+v and %+v have the same", r, other)
		}
		seen[r.fingerprint()] = r
	}
	a := Request{Metadata: map[string]string{"a": "1", "b": "2", "c": "3"}}
	for range 20 {
		b := Request{Metadata: map[string]string{"c": "3", "b": "2", "a": "1"}}
		if a.fingerprint() != b.fingerprint() {
			t.Fatal("fingerprint: depends on the order of metadata")
		}
	}
}
