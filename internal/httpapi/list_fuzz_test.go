package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/auth"
)

// FuzzList checks that paging returns every import once, newest first, whatever other objects are there.
func FuzzList(f *testing.F) {
	const owner = "key-alice"
	a := newFuzzedAPI(f, auth.NewGateway(true))
	for _, limit := range []byte{1, 2, 3, 9, 20} {
		f.Add("x\ny", limit)
		f.Add("zz.json", limit)
	}
	f.Fuzz(func(t *testing.T, otherNames string, limit byte) {
		if limit == 0 || limit > 100 ||
			strings.ContainsFunc(
				otherNames,
				func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) || r == utf8.RuneError },
			) {
			return // XML cannot encode other names
		}
		withFakeClock(t, func(t *testing.T) {
			a.createAll(t, owner, "key-bob")
			for name := range strings.SplitSeq(otherNames, "\n") {
				if key := "jobs/" + owner + "/" + name; a.store.objects[key] == nil {
					a.store.objects[key] = nil
				}
			}
			var found []string
			for next := ""; ; {
				target := fmt.Sprintf("/import?limit=%d%s", limit, next)
				r := requestFor("GET", address(target), http.Header{}, "")
				w := a.ask(t, calledBy(owner, r))
				a.checkDeclared(t, r, w)
				var page client.ImportList
				if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != http.StatusOK {
					t.Fatalf("%s beside %q: got %d %s, %v", target, otherNames, w.Code, w.Body, err)
				}
				for _, j := range page.Imports {
					found = append(found, j.ID)
				}
				if page.NextCursor == "" {
					break
				}
				next = "&cursor=" + page.NextCursor
			}
			if len(found) != len(states) || !slices.IsSortedFunc(found, strings.Compare) {
				t.Errorf("limit %d beside %q: got %q, want each of %d imports once", limit, otherNames, found, len(states))
			}
		})
	})
}
