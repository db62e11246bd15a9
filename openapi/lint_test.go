package openapi_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/openapi"
)

// rule is a requirement of API Gateway, or of this project because of it. API Gateway silently drops what it does not
// support, or rejects the whole file at deployment; here it is a failing test with a place.
type rule struct {
	name   string
	check  func(document) []string // errors that begin with the place
	breaks []edit                  // each causes one error at its place, so that no rule is vacuous
}

// edit sets a YAML value in the document and names the place of the expected error. Examples have their own paths and
// schemas, so that they do not depend on the document's; they rely only on the post of /import.
type edit struct {
	at    string // keys from the root, separated by spaces; empty: the whole document
	yaml  string // the value to set; empty removes the key
	place string // expected place of the error, with dots; empty: the place of the edit
}

// rules are the rules of API Gateway's import, by subject.
func rules() []rule {
	return slices.Concat(documentRules, pathRules, operationRules, schemaRules, integrationRules, extensionRules,
		descriptionRules)
}

func TestRules(t *testing.T) {
	contract := parse(t, openapi.YAML)
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			if got := r.check(contract); len(got) != 0 {
				// The examples contain the document and would only repeat this.
				t.Fatalf("openapi.yaml breaks the rule:\n%s", strings.Join(got, "\n"))
			}
			if len(r.breaks) == 0 {
				t.Error("the rule has no example that breaks it")
			}
			for _, e := range r.breaks {
				place := cmp.Or(e.place, strings.Join(strings.Fields(e.at), "."))
				got := r.check(apply(t, e))
				if len(got) != 1 || !strings.HasPrefix(got[0], place+": ") {
					t.Errorf("with %s: %.200s\ngot  %q\nwant one complaint of %s", e.at, e.yaml, got, place)
				}
			}
		})
	}
}

func TestRulesAccept(t *testing.T) {
	contract := parse(t, openapi.YAML)
	holds := slices.DeleteFunc(
		rules(),
		func(r rule) bool { return len(r.check(contract)) != 0 },
	) // TestRules reports the others
	for _, a := range accepted {
		d := apply(t, a.edit)
		for _, r := range holds {
			if got := r.check(d); len(got) != 0 {
				t.Errorf("%s: %s: got complaints %q, want none", a.name, r.name, got)
			}
		}
	}
}
