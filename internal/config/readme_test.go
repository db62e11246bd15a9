package config

import (
	"os"
	"reflect"
	"regexp"
	"testing"
)

// TestReadmeDocumentsEverySetting compares the settings table in cmd/signpost/README.md with the struct.
func TestReadmeDocumentsEverySetting(t *testing.T) {
	readme, err := os.ReadFile("../../cmd/signpost/README.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	settingRow := regexp.MustCompile("(?m)^\\| `(SIGNPOST_[A-Z_]+)` \\| (.+?) \\|")
	for _, row := range settingRow.FindAllStringSubmatch(string(readme), -1) {
		documented[row[1]] = row[2]
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[FunctionConfig]()) {
		if field.Anonymous || field.Tag.Get("kong") == "-" { // Config, whose fields are visited separately; no setting
			continue
		}
		variable, standard := field.Tag.Get("env"), field.Tag.Get("default")
		row, ok := documented[variable]
		if !ok {
			t.Errorf("%s (%s) is not in cmd/signpost/README.md", variable, field.Name)
		}
		if standard != "" && row != "`"+standard+"`" {
			t.Errorf("%s: README gives the default %s, the struct %q", variable, row, standard)
		}
		if field.Tag.Get("help") == "" {
			t.Errorf("%s has no help", variable)
		}
		delete(documented, variable)
	}
	for variable := range documented {
		t.Errorf("README documents %s, which is not a setting", variable)
	}
}
