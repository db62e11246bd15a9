package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/auth"
)

// FuzzRecord checks that with any bytes as an import's record, each operation returns a declared response, and
// accesses no keys of other imports.
func FuzzRecord(f *testing.F) {
	if testing.Short() {
		f.Skip("has many seeds")
	}
	const owner, id = "key-alice", plannedID
	a := newFuzzedAPI(f, auth.NewGateway(true))
	seed := func(record string) {
		for _, there := range []string{"", "o", "p", "op"} {
			f.Add([]byte(record), strings.Contains(there, "o"), strings.Contains(there, "p"))
		}
	}
	for _, state := range states {
		seed(`{"id":"` + id + `","owner":"` + owner + `",` + state + `}`)
	}
	for _, pair := range [][2]string{
		{`"status":"awaiting_upload"`, `"status":"completed"`}, {`"status":"awaiting_upload"`, `"status":"aborted"`},
		{`"status":"awaiting_upload"`, `"status":"failed","failure":{"code":"checksum-mismatch","detail":"d"}`},
		{`"mode":"multipart"`, `"mode":"single"`},
		{`"upload_id":"u"`, `"upload_id":"u","completing":"2000-01-01T00:00:00Z"`},
		{`"upload_id":"u"`, `"upload_id":"u","completing":"1999-01-01T00:00:00Z"`},
		{`"size":6`, `"size":-1`}, {`"part_count":3`, `"part_count":-3`},
		{`"part_size":2`, `"part_size":9223372036854775807`},
		{"2000-01-02", "1999-01-02"}, {"2000-01-02", "9999-12-31"}, {`"u"`, `"another"`}, {`"crc32"`, `"sha256"`},
		{`"value":""`, `"value":"AAAAAA=="`},
	} {
		seed(strings.ReplaceAll(recordOf(owner, id), pair[0], pair[1]))
	}
	for _, record := range []string{"", "{", "[]", "\xff", `{"id":7}`, "\"" + id + "\""} {
		seed(record)
	}
	f.Fuzz(func(t *testing.T, record []byte, object, upload bool) {
		for _, c := range []struct{ method, path, body string }{
			{"GET", "/import/" + id, ""}, {"GET", "/import", ""}, {"GET", "/import/" + id + "/parts", ""},
			{"DELETE", "/import/" + id, ""},
			{
				"POST", "/import/" + id + "/parts",
				`{"first":1,"count":3,"checksums":{"1":"AAAAAA==","2":"AAAAAA==","3":"AAAAAA=="}}`,
			},
			{"POST", "/import/" + id + "/parts", `{"part_numbers":[1]}`}, {"POST", "/import/" + id + "/complete", ""},
			{"POST", "/import/" + id + "/complete", `{"checksum":{"algorithm":"crc32","value":"AAAAAA=="}}`},
		} {
			withFakeClock(t, func(t *testing.T) {
				a.with(t, map[string]string{recordAt(owner, id): string(record)})
				if object {
					a.store.objects["imports/"+owner+"/"+id] = []byte("123456")
				}
				if upload {
					a.store.parts["imports/"+owner+"/"+id] = []int{2, 2, 2}
				}
				r := requestFor(c.method, address(c.path), http.Header{"Content-Type": {"application/json"}}, c.body)
				w := a.ask(t, calledBy(owner, r))
				a.checkDeclared(t, r, w)
				for _, key := range a.store.keys {
					objects := "imports/" + owner + "/" // of which a list begins at the time of id
					own := []string{recordAt(owner, id), "jobs/" + owner + "/", objects, objects + id[:13], objects + id}
					if !slices.Contains(own, key) {
						t.Errorf("%s %s with record %q: asked for %q, answered %d %s", c.method, c.path, record, key, w.Code, w.Body)
					}
				}
				if w.Code == http.StatusServiceUnavailable {
					t.Errorf("%s %s with record %q: got %d %s, though the store answers", c.method, c.path, record, w.Code, w.Body)
				}
				var j client.Import
				if err := json.Unmarshal(w.Body.Bytes(), &j); err == nil && j.ID != "" &&
					(j.ID != id || j.Object.Key != "imports/"+owner+"/"+id) {
					t.Errorf("%s %s with record %q: got %s, which is of another import", c.method, c.path, record, w.Body)
				}
			})
		}
	})
}
