package main

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestSpecFormats: JSON has the members of YAML, in their order.
func TestSpecFormats(t *testing.T) {
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

func TestPrintJSON(t *testing.T) {
	for _, c := range []struct{ yaml, want string }{
		{`{b: 1, a: "1", "2": 2}`, `{"b":1,"a":"1","2":2}`},
		{`[1.5, 5368709120, 53687091200000, -1, 0]`, `[1.5,5368709120,53687091200000,-1,0]`},
		{`[true, "true", yes, null, ~, ""]`, `[true,"true","yes",null,null,""]`},
		{`[2026-01-02, 2026-01-02T03:04:05Z]`, `["2026-01-02","2026-01-02T03:04:05Z"]`},
		{`["<a&b>", "é…", "\0\t\"\\"]`, `["<a&b>","é…","\u0000\t\"\\"]`},
		{`{a: {}, b: [], c: [[]]}`, `{"a":{},"b":[],"c":[[]]}`},
		{`"${AWS::Region}"`, `"${AWS::Region}"`},
	} {
		var file yaml.Node
		if err := yaml.Unmarshal([]byte(c.yaml), &file); err != nil {
			t.Fatal(err)
		}
		var got, compact bytes.Buffer
		if err := printJSON(&got, file.Content[0]); err != nil {
			t.Errorf("%s: %v", c.yaml, err)
		} else if err := json.Compact(&compact, got.Bytes()); err != nil || strings.TrimSpace(compact.String()) != c.want {
			t.Errorf("%s: got %s, want %s", c.yaml, &compact, c.want)
		}
	}
	for _, none := range []string{"a: &b c\nd: *b", ".inf", "{a: 1, a: 2}"} {
		var file yaml.Node
		if err := yaml.Unmarshal([]byte(none), &file); err != nil {
			t.Fatal(err)
		}
		if err := printJSON(new(bytes.Buffer), file.Content[0]); err == nil {
			t.Errorf("%s: got no error, though JSON has no form for it", none)
		}
	}
}

// TestPartitions: the names of all regions of the partitions that the SDK knows, and of none.
func TestPartitions(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1": "aws", "eu-central-2": "aws", "ap-southeast-7": "aws", "mx-central-1": "aws", "il-central-1": "aws",
		"cn-north-1": "aws-cn", "cn-northwest-1": "aws-cn",
		"us-gov-west-1": "aws-us-gov", "us-gov-east-1": "aws-us-gov",
		"us-iso-east-1": "aws-iso", "us-isob-east-1": "aws-iso-b", "eu-isoe-west-1": "aws-iso-e",
		"us-isof-south-1": "aws-iso-f",
		"eusc-de-east-1":  "aws-eusc",
		"ue-west-1":       "", "eu-west": "", "EU-WEST-1": "", "eu-west-1a": "", "": "",
	} {
		if got := partitionOf(region); got != want {
			t.Errorf("partitionOf(%q): got %q, want %q", region, got, want)
		}
	}
}
