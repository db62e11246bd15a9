package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/signpost-s3/signpost/internal/auth"
)

// Imports in each status, by the in-memory store's clock, which begins with the year 2000.
const (
	awaitedID   = "00dc6acf-ac00-7000-8000-000000000001"
	planlessID  = "00dc6acf-ac00-7000-8000-000000000002" // multipart, of unknown size
	plannedID   = "00dc6acf-ac00-7000-8000-000000000003" // multipart, with a checksum
	uploadedID  = "00dc6acf-ac00-7000-8000-000000000004" // multipart, all parts uploaded
	completedID = "00dc6acf-ac00-7000-8000-000000000005"
	failedID    = "00dc6acf-ac00-7000-8000-000000000006"
	abortedID   = "00dc6acf-ac00-7000-8000-000000000007"
	formID      = "00dc6acf-ac00-7000-8000-000000000008"
	expiredID   = "00dc6acf-ac00-7000-8000-000000000009"
)

const (
	standing = `"created_at":"2000-01-01T00:00:00Z","deadline":"2000-01-02T00:00:00Z"`
	overdue  = `"created_at":"2000-01-01T00:00:00Z","deadline":"2000-01-01T00:00:00Z"`
)

// states are the members of their records, without id and owner.
var states = map[string]string{
	awaitedID: `"status":"awaiting_upload","mode":"single","filename":"a.csv","content_type":"text/csv","size":5,` +
		`"checksum":{"algorithm":"sha256","value":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=","verified":false},` +
		`"metadata":{"k":"v"},"write_once":true,` + standing,
	planlessID: `"status":"awaiting_upload","mode":"multipart","parts":{"part_size":67108864,` +
		`"upload_id":"u"},` + standing,
	plannedID: `"status":"awaiting_upload","mode":"multipart","size":6,"checksum":{"algorithm":"crc32",` +
		`"verified":false},"parts":{"part_size":2,"part_count":3,"upload_id":"u","algorithm":"crc32",` +
		`"url_ttl":60000000000},` + standing,
	uploadedID: `"status":"awaiting_upload","mode":"multipart","size":6,"parts":{"part_size":5,"part_count":2,` +
		`"upload_id":"u"},` + standing,
	completedID: `"status":"completed","mode":"single",` + standing + `,"completed_at":"2000-01-01T00:00:01Z",` +
		`"object":{"size":5,"etag":"\"e\"","version_id":"1"}`,
	failedID: `"status":"failed","mode":"multipart","size":5,"parts":{"part_size":5,"part_count":1,` +
		`"upload_id":"u"},` + standing + `,"failure":{"code":"upload-lost","detail":"d"}`,
	abortedID: `"status":"aborted","mode":"multipart","parts":{"part_size":5,"upload_id":"u"},` + standing,
	formID:    `"status":"awaiting_upload","mode":"form","filename":"é.csv",` + standing,
	expiredID: `"status":"expired","mode":"single",` + overdue,
}

// recordOf returns the record of owner's import; recordAt returns its key.
func recordOf(owner, id string) string {
	return `{"id":"` + id + `","owner":"` + owner + `",` + states[id] + `}`
}

func recordAt(owner, id string) string { return "jobs/" + owner + "/ff23953053ff-" + id + ".json" }

// createAll creates the imports above for each of owners.
func (a *fuzzedAPI) createAll(t testing.TB, owners ...string) {
	t.Helper()
	objects := map[string]string{}
	for _, owner := range owners {
		for id := range states {
			objects[recordAt(owner, id)] = recordOf(owner, id)
		}
		objects["imports/"+owner+"/"+completedID] = "12345"
	}
	a.with(t, objects)
	for _, owner := range owners {
		for id, sizes := range map[string][]int{planlessID: {}, plannedID: {2}, uploadedID: {5, 1}} {
			a.store.parts["imports/"+owner+"/"+id] = sizes
		}
	}
}

// FuzzBody checks that every body with every content type, to an import in any status, receives a response that the
// OpenAPI document declares, without a 500 while the store answers.
func FuzzBody(f *testing.F) {
	a := newFuzzedAPI(f, auth.NewGateway(true))
	paths := []string{"/import"}
	for _, id := range []string{
		awaitedID, planlessID, plannedID, uploadedID, completedID, failedID, abortedID, formID, expiredID,
	} {
		paths = append(paths, "/import/"+id+"/parts", "/import/"+id+"/complete")
	}
	for _, body := range []string{
		"", "{}",
		`{"filename":"a.csv","content_type":"text/csv","size":5,"metadata":{"k":"v"},"write_once":true,"expires_in":60}`,
		`{"size":0,"checksum":{"algorithm":"sha256","value":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}}`,
		`{"mode":"form","filename":"😀\"\\é.csv"}`, `{"relative_path":"a b/é/😀.jpg"}`, `{"relative_path":"a/../e\u0301"}`,
		`{"mode":"multipart","size":53687091200000,"checksum":{"algorithm":"crc64nvme"}}`,
		`{"part_size":5242880,"size":52428800001}`, `{"expires_in":604800}`, `{"size":5368709121,"mode":"single"}`,
		`{"metadata":{"A/~":"v"}}`,
		`{"content_type":"text/plain; charset=utf-8; charset=utf-8"}`,
		`{"checksum":{"algorithm":"crc32c","value":"AAAAAA=="}}`,
	} {
		f.Add(byte(0), "application/json", "", false, []byte(body))
		f.Add(byte(0), "application/json", "again", false, []byte(body))
		f.Add(byte(0), "application/json", "5f0c2d0e-9c1b-4f6e-8a57-1d2c3b4a5960", false, []byte(body))
	}
	for i := range paths {
		for _, body := range []string{
			"", "{}", "null", "[]", "\xff", `{"first":1,"count":1000}`, `{"first":10000,"count":1}`, `{"part_numbers":[3,1,3]}`,
			`{"part_numbers":[1,4],"checksums":{"1":"AAAAAA==","4":"x"}}`, `{"first":1,"count":1,"checksums":{"1":"AAAAAA=="}}`,
			`{"first":1,"count":1,"checksums":{"01":"AAAAAA==","a/b~":"AAAAAA=="}}`, `{"first":2147483647,"count":1000}`,
			`{"checksum":{"algorithm":"crc32","value":"AAAAAA=="}}`, `{"checksum":{"algorithm":"sha1"}}`,
			`{"checksum":{"algorithm":"crc64nvme","value":"AAAAAAAAAAA="}}`,
		} {
			f.Add(byte(i), "application/json", "", false, []byte(body))
		}
		f.Add(byte(i), "application/json", "", true, []byte("{}"))
	}
	f.Add(byte(0), "text/csv", "", false, []byte("a,b"))
	f.Add(byte(0), "application/json; charset=latin1", "\r\nX: y", true, []byte("{}"))
	f.Add(byte(0), "\xff;\x00", "é", false, []byte("{}"))
	f.Fuzz(func(t *testing.T, path byte, contentType, idempotencyKey string, away bool, body []byte) {
		if len(contentType)+len(idempotencyKey) > 10_000 {
			return // too long for any operation
		}
		header := http.Header{"Content-Type": {contentType}}
		if idempotencyKey != "" {
			header["Idempotency-Key"] = []string{idempotencyKey}
		}
		withFakeClock(t, func(t *testing.T) {
			a.createAll(t, "public")
			a.store.away = away
			r := requestFor("POST", address(paths[int(path)%len(paths)]), header, string(body))
			w := a.ask(t, r)
			a.checkDeclared(t, r, w)
			a.checkKeys(t, "public", w)
			if w.Code >= 500 && !(away && w.Code == http.StatusServiceUnavailable) {
				t.Errorf("POST %s of %q as %q: got %d %s", r.URL, body, contentType, w.Code, w.Body)
			}
		})
	})
}
