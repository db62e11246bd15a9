package export

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestWriteJSON(t *testing.T) {
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
		if err := writeJSON(&got, file.Content[0]); err != nil {
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
		if err := writeJSON(new(bytes.Buffer), file.Content[0]); err == nil {
			t.Errorf("%s: got no error, though JSON has no form for it", none)
		}
	}
}
