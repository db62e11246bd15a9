package openapi_test

import (
	"os"
	"strings"
	"testing"
)

// TestReadmeExamples checks that the README contains the examples of package client, which cmd/signpost tests, and that
// they are short.
func TestReadmeExamples(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for file, limit := range map[string]int{"example_single_test.go": 25, "example_multipart_test.go": 50} {
		source, err := os.ReadFile("_client/" + file)
		if err != nil {
			t.Fatal(err)
		}
		_, body, _ := strings.Cut(string(source), "() {\n")
		body, _, _ = strings.Cut(body, "\n}\n")
		block := strings.ReplaceAll("\n"+body, "\n\t", "\n")
		if !strings.Contains(string(readme), "```go"+block+"\n```") {
			t.Errorf("README.md does not contain the body of %s:%s", file, block)
		}
		if lines := strings.Count(block, "\n"); lines >= limit {
			t.Errorf("%s: got %d lines, want fewer than %d", file, lines, limit)
		}
	}
}
