package imports

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// FuzzJobJSON: a record that can be read is written so that reading it again gives the same job, also after the store
// showed an object.
func FuzzJobJSON(f *testing.F) {
	for _, record := range []string{
		`{}`, `null`, `{"ID":"x"}`, `{"id":"x","id":"y"}`, `{"size":0,"metadata":{}}`, `{"size":9223372036854775807}`,
		`{"size":1e3}`, `{"filename":"\ud800\u2028<&>"}`,
		`{"id":"0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55","owner":"public","status":"failed","mode":"single",` +
			`"filename":"a.csv","content_type":"text/csv","size":5,"checksum":{"algorithm":"sha256","value":"v",` +
			`"verified":false,"late":true},"metadata":{"k":"v"},"write_once":true,"created_at":"2026-01-02T03:04:05.006Z",` +
			`"deadline":"2026-01-02T04:04:05Z","completed_at":"2026-01-02T03:05:00Z","object":{"size":4,"etag":"\"e\"",` +
			`"version_id":"1"},"failure":{"code":"size-mismatch","detail":"d"}}`,
		`{"status":"uploading","mode":"multipart","size":6,"parts":{"part_size":5,"part_count":2,"upload_id":"u",` +
			`"algorithm":"crc32","url_ttl":60000000000,"completing":"2026-01-02T03:04:05.999999999+23:59"},` +
			`"created_at":"9999-12-31T23:59:59-23:59","deadline":"0000-01-01T00:00:00Z"}`,
		`{"status":"awaiting_upload","mode":"form","parts":null,"object":null,"completed_at":"0001-01-01T00:00:00Z"}`,
	} {
		f.Add([]byte(record), int64(5), "v", int64(1767323045))
	}
	f.Fuzz(func(t *testing.T, record []byte, size int64, checksum string, at int64) {
		var j Job
		if json.Unmarshal(record, &j) != nil {
			return
		}
		now, checksum := time.Unix(at, 0).UTC(), strings.ToValidUTF8(checksum, "")
		shown := &bucket.Object{Size: size, ETag: checksum, LastModified: now,
			Checksums: map[string]string{"sha256": checksum}}
		for _, k := range []Job{j, j.observe(nil, now), j.observe(shown, now)} {
			written, err := json.Marshal(k)
			if err != nil {
				continue // a year that RFC 3339 does not have
			}
			var again Job
			if err := json.Unmarshal(written, &again); err != nil {
				t.Fatalf("%q: written as %s, which cannot be read: %v", record, written, err)
			}
			if rewritten, err := json.Marshal(again); err != nil || string(rewritten) != string(written) ||
				!again.sameRecord(k) {
				t.Errorf("%q: written as %s, and then as %s, %v", record, written, rewritten, err)
			}
			if !k.observe(shown, now).sameRecord(again.observe(shown, now)) {
				t.Errorf("%q: written as %s, of which the store's %+v makes another", record, written, shown)
			}
		}
	})
}
