package imports

import (
	"strings"
	"testing"
)

// TestSettledRecords: the size of a record is a multiple of settledUnit if no maintenance can change its import, and
// only then, whatever the size of its content is.
func TestSettledRecords(t *testing.T) {
	object := &Object{Size: 5, ETag: `"e"`}
	for name, c := range map[string]struct {
		job     Job
		settled bool
	}{
		"awaiting an upload": {Job{Status: AwaitingUpload, Mode: Single}, false},
		"uploading":          {Job{Status: Uploading, Mode: Multipart, Parts: &Parts{}}, false},
		"completed":          {Job{Status: Completed, Mode: Single, Object: object}, true},
		"completed in parts": {Job{Status: Completed, Mode: Multipart, Parts: &Parts{}, Object: object}, true},
		"failed":             {Job{Status: Failed, Mode: Form, Object: object}, true},
		"failed in parts":    {Job{Status: Failed, Mode: Multipart, Parts: &Parts{}}, false},
		"expired":            {Job{Status: Expired, Mode: Single}, false},
		"aborted":            {Job{Status: Aborted, Mode: Single}, false},
	} {
		for n := range 2 * settledUnit {
			c.job.Filename = strings.Repeat("x", n)
			body, err := c.job.record()
			if marked := len(body)%settledUnit == 0; err != nil || marked != c.settled {
				t.Fatalf("%s, a name of %d bytes: got a record of %d bytes, %v", name, n, len(body), err)
			}
		}
	}
}
