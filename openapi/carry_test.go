package openapi_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/openapi"
)

// TestRequestParameters checks the assumption of the server's validator: a request is validated only if it has a
// body, a query, a path parameter, or one of HeaderParameters. So these must be complete, and required inputs must
// accompany a path parameter.
func TestRequestParameters(t *testing.T) {
	contract, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	headers := map[string]bool{}
	for path, item := range contract.Paths.Map() {
		for method, operation := range item.Operations() {
			for _, p := range operation.Parameters {
				headers[p.Value.Name] = headers[p.Value.Name] || p.Value.In == "header"
				if p.Value.Required && p.Value.In != "path" {
					t.Errorf("%s %s: parameter %s is required, and its absence would pass", method, path, p.Value.Name)
				}
			}
			if b := operation.RequestBody; b != nil && b.Value.Required && !strings.Contains(path, "{") {
				t.Errorf("%s %s: its body is required, and its absence would pass", method, path)
			}
		}
	}
	maps.DeleteFunc(headers, func(_ string, declared bool) bool { return !declared })
	if got := slices.Sorted(maps.Keys(headers)); !slices.Equal(got, openapi.HeaderParameters) {
		t.Errorf("HeaderParameters: got %q, the document declares %q", openapi.HeaderParameters, got)
	}
	for _, name := range openapi.HeaderParameters {
		if http.CanonicalHeaderKey(name) != name {
			t.Errorf("HeaderParameters: %s is not in the form of http.Header's keys", name)
		}
	}
}

// TestOperations checks that Operations, which determine the required scopes, match the document, and that each has a
// scope.
func TestOperations(t *testing.T) {
	contract, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	var declared []openapi.Operation
	for path, item := range contract.Paths.Map() {
		for method, o := range item.Operations() {
			scope, _ := o.Extensions["x-signpost-scope"].(string)
			declared = append(declared, openapi.Operation{Method: method, Path: path, ID: o.OperationID, Scope: scope})
			if o.Security == nil || len(*o.Security) != 1 || (*o.Security)[0]["ApiKey"] == nil {
				t.Errorf("%s %s: got security %v, want the API key", method, path, o.Security)
			}
			for _, status := range []string{"401", "403", "429"} {
				if o.Responses.Value(status) == nil {
					t.Errorf("%s %s does not declare %s", method, path, status)
				}
			}
		}
	}
	byID := func(a, b openapi.Operation) int { return strings.Compare(a.ID, b.ID) }
	if got := slices.SortedFunc(slices.Values(openapi.Operations), byID); !slices.Equal(
		got,
		slices.SortedFunc(slices.Values(declared), byID),
	) {
		t.Errorf("Operations: got %v, the document declares %v", got, declared)
	}
}
