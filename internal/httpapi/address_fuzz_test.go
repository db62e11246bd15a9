package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/internal/auth"
)

// FuzzAddress checks that every path below /import, with any query, is answered without a 500 and without access to
// other owners' keys.
func FuzzAddress(f *testing.F) {
	if testing.Short() {
		f.Skip("has many seeds")
	}
	a := newFuzzedAPI(f, auth.NewGateway(true))
	for _, id := range []string{awaitedID, planlessID, plannedID, uploadedID, completedID, abortedID} {
		for _, rest := range []string{
			"", "/parts", "/parts?after=1", "/complete", "/", "?", "/..", "%2f..", "/parts/", "//parts", "/%70arts",
		} {
			for _, method := range []string{"GET", "POST", "DELETE", "HEAD"} {
				f.Add(method, "/"+id+rest, "")
			}
		}
		f.Add("GET", "?cursor="+id, "")
		f.Add("GET", "?limit=1&cursor="+id+"&status=completed", "")
		f.Add("GET", "/"+strings.ToUpper(id), "")
		f.Add("GET", "/%30"+id[1:], "")
	}
	for _, target := range []string{
		"", "/", "//", "/.", "/..", "/../jobs/key-bob", "/%2e%2e/%2e%2e/jobs/key-bob/x", "/..%2f..%2fjobs%2fkey-bob", "/\x00",
		"/%00", "/é", "/%ff", "/%", "/:id",
		"/00000000-0000-7000-8000-000000000000", "/ffffffff-ffff-7fff-bfff-ffffffffffff/parts", "/" + awaitedID + "\n/parts",
		"/" + awaitedID + "%0a", "/" + awaitedID + ".json",
		"?cursor=", "?cursor=../key-bob/", "?cursor=%00", "?cursor=x&cursor=y", "?limit=0", "?limit=100", "?limit=101",
		"?limit=1&limit=2", "?limit=%31", "?limit=-1", "?limit=9999999999",
		"?status=uploading", "?status=", "?status=gone", "?a;b", "?%zz", "?cursor", "?=", "?limit[]=1",
		"?cursor=" + awaitedID + "%20", "?prefix=jobs/key-bob/",
	} {
		for _, method := range []string{"GET", "POST", "OPTIONS", "get", "QUERY"} {
			f.Add(method, target, "../../key-bob")
		}
	}
	f.Fuzz(func(t *testing.T, method, target, idempotencyKey string) {
		withFakeClock(t, func(t *testing.T) {
			a.createAll(t, "key-alice", "key-bob", "public")
			header, body := http.Header{}, ""
			if idempotencyKey != "" {
				header["Idempotency-Key"] = []string{idempotencyKey}
			}
			if method == http.MethodPost {
				header["Content-Type"], body = []string{"application/json"}, "{}"
			}
			if strings.HasSuffix(target, "/parts") {
				body = `{"first":1,"count":1}`
			}
			r := requestFor(method, address("/import"+target), header, body)
			w := a.ask(t, calledBy("key-alice", r))
			a.checkKeys(t, "key-alice", w)
			if !slices.Contains([]int{200, 201, 202, 204, 400, 404, 405, 409, 414, 415, 422}, w.Code) {
				t.Errorf("%s %q: got %d %s", method, target, w.Code, w.Body)
			}
		})
	})
}
