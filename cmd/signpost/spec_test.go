//go:build !race

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestSpecFormats: JSON has the members of YAML, in their order.
func TestSpecFormats(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{
		nil,
		{"--anonymous"},
		{"--swagger2"},
		{"--swagger2", "--anonymous", "--aws-account=123456789012", "--aws-region=eu-west-1", "--function=signpost"},
	} {
		var file yaml.Node
		if err := yaml.Unmarshal(specOf(t, flags...), &file); err != nil {
			t.Fatal(err)
		}
		var want any
		if err := file.Decode(&want); err != nil {
			t.Fatal(err)
		}
		asJSON := specOf(t, append(flags, "--format=json")...)
		var got any
		if err := json.Unmarshal(asJSON, &got); err != nil {
			t.Fatalf("%q: %v", flags, err)
		}
		if want = throughJSON(t, want); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: JSON has other members than YAML", flags)
		}
		if got, want := jsonStrings(t, asJSON), yamlStrings(file.Content[0]); !slices.Equal(got, want) {
			t.Errorf("%q: JSON has another order than YAML", flags)
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, asJSON, "", "  "); err != nil || indented.String() != string(asJSON) {
			t.Errorf("%q: JSON is not indented by two spaces", flags)
		}
	}
}

func specOf(t *testing.T, flags ...string) []byte {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), append([]string{"spec"}, flags...), &stdout, &stderr); err != nil || stderr.Len() > 0 {
		t.Fatalf("spec %q: %v %s", flags, err, &stderr)
	}
	return stdout.Bytes()
}

// throughJSON makes all numbers of one type.
func throughJSON(t *testing.T, v any) (again any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	return again
}

// jsonStrings are all keys and strings as they come.
func jsonStrings(t *testing.T, text []byte) (all []string) {
	t.Helper()
	for d := json.NewDecoder(bytes.NewReader(text)); ; {
		token, err := d.Token()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := token.(string); ok {
			all = append(all, s)
		}
	}
}

func yamlStrings(n *yaml.Node) (all []string) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
		all = append(all, n.Value)
	}
	for _, c := range n.Content {
		all = append(all, yamlStrings(c)...)
	}
	return all
}
