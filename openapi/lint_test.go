package openapi_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/openapi"
)

// A rule is something API Gateway, or this project because of it, asks of the document. API Gateway drops what it
// does not support without a word, or refuses the whole file at deployment; here it is a failing test with a place.
type rule struct {
	name   string
	check  func(document) []string // complaints, each beginning with the place
	breaks []edit                  // each on its own makes one complaint at its place, so no rule can be vacuous
}

// An edit puts one YAML value into the contract and names the place that a rule must then complain of. Examples name
// paths and schemas of their own, so that they hold whatever becomes of the contract's; the post of /import alone
// they rely on.
type edit struct {
	at    string // keys from the root down, separated by spaces; none for the whole document
	yaml  string // the value to set there; empty takes the key away
	place string // where the complaint must be, dotted; empty says: where the edit is
}

// rules are those of API Gateway's import, by subject.
func rules() []rule {
	return slices.Concat(documentRules, pathRules, operationRules, schemaRules, integrationRules, extensionRules)
}

func TestRules(t *testing.T) {
	contract := parse(t, openapi.YAML)
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			if got := r.check(contract); len(got) != 0 {
				// The examples build on the contract and would only repeat this.
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
