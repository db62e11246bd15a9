package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReadmeDocumentsEveryParameter compares the table of parameters with the template.
func TestReadmeDocumentsEveryParameter(t *testing.T) {
	documented := map[string]string{}
	_, section, _ := strings.Cut(readme(t), "\n## How do I set parameters?\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z]\\w+)` \\| (.+?) \\|").FindAllStringSubmatch(section, -1) {
		documented[row[1]] = strings.Trim(row[2], "`")
	}
	parameters := at[map[string]any](t, template(t), "Parameters")
	for name := range parameters {
		if name == "Anonymous" || name == "Front" || name == "GatewayLogRole" { // deploy.sh sets them
			continue
		}
		want := cmp.Or(fmt.Sprint(at[any](t, parameters, name, "Default")), "none")
		if got, ok := documented[name]; !ok || got != want {
			t.Errorf("%s: the README gives the default %q, the template %q", name, got, want)
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("the README documents %s, which is not a parameter", name)
	}
}

// TestReadmePolicy compares the policy that cmd/signpost/README.md shows with the unconditional statements of the role
// in the template.
func TestReadmePolicy(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(folder, "../signpost/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)### Which permissions does it need.*?```json\n(.*?)```").FindSubmatch(text)
	if block == nil {
		t.Fatal("cmd/signpost/README.md shows no policy")
	}
	var shown, policy any
	if err := json.Unmarshal(block[1], &shown); err != nil {
		t.Fatal(err)
	}
	policies := at[[]any](t, template(t), "Resources", "Role", "Properties", "Policies")
	document := at[map[string]any](t, policies[0], "PolicyDocument")
	document["Statement"] = slices.DeleteFunc(at[[]any](t, document, "Statement"), func(statement any) bool {
		_, unconditional := statement.(map[string]any)
		return !unconditional // Fn::If, a list
	})
	encoded, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	names := strings.NewReplacer("${Bucket.Arn}", "arn:aws:s3:::my-bucket", "Bucket.Arn", "arn:aws:s3:::my-bucket")
	if err := json.Unmarshal([]byte(names.Replace(string(encoded))), &policy); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(shown, policy) {
		t.Errorf("cmd/signpost/README.md shows %v, the template has %v", shown, policy)
	}
}

// TestReadmeCommandsPaste checks that each command runs when it is pasted: an interactive zsh passes a comment to the
// command, and make build does not put signpost on the PATH.
func TestReadmeCommandsPaste(t *testing.T) {
	unpasteable := regexp.MustCompile(`(^|\s)#|(^|[|(&;]\s*)signpost `)
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(readme(t), -1)
	if len(blocks) == 0 {
		t.Fatal("the README has no commands")
	}
	for _, block := range blocks {
		for line := range strings.Lines(block[1]) {
			if unpasteable.MatchString(line) {
				t.Errorf("got %q, want no comment, and bin/signpost", line)
			}
		}
	}
}
