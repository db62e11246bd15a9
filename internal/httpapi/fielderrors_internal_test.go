package httpapi

import (
	"testing"

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/openapi"
)

// TestManyFieldErrors checks that a problem lists 100 errors and counts the rest, those of a schema and those of
// package imports.
func TestManyFieldErrors(t *testing.T) {
	contract, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	numbers := make([]any, 102)
	for i := range numbers {
		numbers[i] = int64(0)
	}
	body := map[string]any{"part_numbers": numbers}
	for name, errs := range map[string][]api.FieldError{
		"schema": schemaErrors(contract.Components.Schemas["PartsRequest"].Value, body),
		"domain": domainProblem(&imports.Error{Kind: imports.Conflict, Fields: make([]imports.Field, 102)}).Errors,
	} {
		if last := len(errs) - 1; last != 100 || errs[last].Detail != "errors that are not listed: 2" {
			t.Errorf("%s: got %d errors, the last %+v, want 100 and one that counts 2", name, len(errs), errs[last])
		}
	}
}

// TestIntegersHaveLimits checks that each integer of a request has the two limits that its error names.
func TestIntegersHaveLimits(t *testing.T) {
	contract, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ImportRequest", "PartsRequest", "CompleteRequest"} {
		for member, ref := range contract.Components.Schemas[name].Value.Properties {
			if s := ref.Value; s.Type.Is("integer") && (s.Min == nil || s.Max == nil) {
				t.Errorf("%s: %s has no minimum or no maximum", name, member)
			}
		}
	}
	for path, item := range contract.Paths.Map() {
		for method, operation := range item.Operations() {
			for _, p := range operation.Parameters {
				if s := p.Value.Schema.Value; s.Type.Is("integer") && (s.Min == nil || s.Max == nil) {
					t.Errorf("%s %s: %s has no minimum or no maximum", method, path, p.Value.Name)
				}
			}
		}
	}
}
