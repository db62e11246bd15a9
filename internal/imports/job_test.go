package imports

import (
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// TestObserve lists the transitions of a single upload: status, object in the store, status.
func TestObserve(t *testing.T) {
	deadline := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	before, at := deadline.Add(-time.Nanosecond), deadline
	five := int64(5)
	object := func(size int64, checksums map[string]string) *bucket.Object {
		return &bucket.Object{Size: size, ETag: `"e"`, LastModified: before, Checksums: checksums}
	}
	right, wrong := map[string]string{"sha256": "right"}, map[string]string{"sha256": "wrong"}
	late := Job{Status: AwaitingUpload, CreatedAt: deadline, Deadline: deadline}
	if j := late.observe(object(7, nil), before); !j.CompletedAt.Equal(deadline) {
		t.Errorf("observe: completed at %s, before it was created at %s", j.CompletedAt, deadline)
	}
	for _, c := range []struct {
		name     string
		from     Status
		now      time.Time
		size     *int64
		checksum bool
		shown    *bucket.Object
		to       Status
		failure  string
		verified bool
	}{
		{"nothing yet", AwaitingUpload, before, nil, false, nil, AwaitingUpload, "", false},
		{"nothing in time", AwaitingUpload, at, nil, false, nil, Expired, "", false},
		{"anything, undeclared", AwaitingUpload, before, nil, false, object(7, nil), Completed, "", false},
		{"empty, undeclared", AwaitingUpload, before, nil, false, object(0, nil), Completed, "", false},
		{"at the deadline", AwaitingUpload, at, nil, false, object(7, nil), Completed, "", false},
		{"as declared", AwaitingUpload, before, &five, true, object(5, right), Completed, "", true},
		{"one byte short", AwaitingUpload, before, &five, false, object(4, nil), Failed, CodeSizeMismatch, false},
		{"one byte long", AwaitingUpload, before, &five, false, object(6, nil), Failed, CodeSizeMismatch, false},
		{"other bytes", AwaitingUpload, before, &five, true, object(5, wrong), Failed, CodeChecksumMismatch, false},
		{"unknown bytes", AwaitingUpload, before, &five, true, object(5, map[string]string{"crc32": "x"}), Completed, "",
			false},
		{"late arrival", Expired, at, nil, false, object(7, nil), Completed, "", false},
		{"late and wrong", Expired, at, &five, false, object(7, nil), Failed, CodeSizeMismatch, false},
		{"expired stays", Expired, before, nil, false, nil, Expired, "", false},
		{"completed stays without its object", Completed, at, nil, false, nil, Completed, "", false},
		{"failed stays though put right", Failed, before, &five, false, object(5, nil), Failed, "", false},
		{"failed stays without its object", Failed, at, nil, false, nil, Failed, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := Job{Status: c.from, Deadline: deadline, Size: c.size}
			if c.checksum {
				j.Checksum = &Checksum{Algorithm: "sha256", Value: "right"}
			}
			got := j.observe(c.shown, c.now)
			if got.Status != c.to {
				t.Errorf("observe: got %s, want %s", got.Status, c.to)
			}
			if failure := got.Failure; (failure == nil) != (c.failure == "") || failure != nil && failure.Code != c.failure {
				t.Errorf("observe: got failure %+v, want %q", failure, c.failure)
			}
			if got.Checksum != nil && got.Checksum.Verified != c.verified {
				t.Errorf("observe: got verified %v, want %v", got.Checksum.Verified, c.verified)
			}
			if again := got.observe(c.shown, c.now); !again.sameRecord(got) {
				t.Errorf("observe twice: got %+v, then %+v", got, again)
			}
		})
	}
}
