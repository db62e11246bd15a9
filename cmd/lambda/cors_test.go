package main

import (
	"slices"
	"testing"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// TestTemplateHasTheRule checks that the template's bucket has the CORS rule of the local store.
func TestTemplateHasTheRule(t *testing.T) {
	either := at[[]any](t, template(t), "Resources", "Bucket", "Properties", "CorsConfiguration") // Fn::If
	rules := at[[]any](t, either[1], "CorsRules")
	want := bucket.CORSRule(nil)
	for name, want := range map[string][]string{
		"AllowedMethods": want.AllowedMethods, "AllowedHeaders": want.AllowedHeaders, "ExposedHeaders": want.ExposeHeaders,
	} {
		if got := listed(at[any](t, rules[0], name)); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	if age := at[int](t, rules[0], "MaxAge"); len(rules) != 1 || age != int(*want.MaxAgeSeconds) {
		t.Errorf("got %d rules, of %d s, want one of %d s", len(rules), age, *want.MaxAgeSeconds)
	}
}
