package frontend

import (
	"os"
	"strings"
	"testing"
)

// TestReadmeShowsWhatIsTried checks that internal/web/README.md contains the code that these tests run.
func TestReadmeShowsWhatIsTried(t *testing.T) {
	readme, err := os.ReadFile("../../web/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, major := range []string{"uppy-5", "uppy-6"} {
		snippet, err := os.ReadFile("testdata/" + major + "/snippet.js")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(readme), "```js\n"+string(snippet)+"```") {
			t.Errorf("internal/web/README.md does not show testdata/%s/snippet.js as it is", major)
		}
		if lines := strings.Count(string(snippet), "\n") - 1; lines > 23 { // without the comment
			t.Errorf("%s: %d lines, want at most 23", major, lines)
		}
	}
}
