package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/internal/auth"
)

// FuzzClaim checks that a create with an Idempotency-Key returns a declared response and an import of the caller, or
// an error, for any bytes in the claim's record.
func FuzzClaim(f *testing.F) {
	const owner, idempotencyKey = "key-alice", "k"
	a := newFuzzedAPI(f, auth.NewGateway(true))
	header := http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {idempotencyKey}}
	a.with(f, nil)
	first := requestFor("POST", address("/import"), header, "{}")
	a.handler.ServeHTTP(httptest.NewRecorder(), calledBy(owner, first))
	var claimAt string
	for key := range a.store.objects {
		if strings.HasPrefix(key, "idem/") {
			claimAt = key
		}
	}
	made := a.store.objects[claimAt]
	id := regexp.MustCompile(`[0-9a-f]+(-[0-9a-f]+){4}`)
	for _, other := range []string{
		awaitedID, plannedID, abortedID, "00dc6acf-abff-7000-8000-00000000000a", "00000000-0000-7000-8000-00000000000a",
	} {
		f.Add(id.ReplaceAll(made, []byte(other)))
	}
	for _, claim := range []string{"", "{", "{}", "null", "[]", "\xff", `{"id":7}`, `{"id":"x","fingerprint":"x"}`} {
		f.Add([]byte(claim))
	}
	f.Fuzz(func(t *testing.T, claim []byte) {
		withFakeClock(t, func(t *testing.T) {
			a.createAll(t, owner, "key-bob")
			a.store.objects[claimAt] = claim
			r := requestFor("POST", address("/import"), header, "{}")
			w := a.ask(t, calledBy(owner, r))
			a.checkDeclared(t, r, w)
			a.checkKeys(t, owner, w)
			if !slices.Contains([]int{201, 422, 500}, w.Code) {
				t.Errorf("POST /import with claim %q: got %d %s", claim, w.Code, w.Body)
			}
		})
	})
}
