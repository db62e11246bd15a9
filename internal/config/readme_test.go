package config

import (
	"os"
	"reflect"
	"regexp"
	"testing"
)

// TestReadmeTellsEverySetting compares the README's table with the struct that is read.
func TestReadmeTellsEverySetting(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]string{}
	settingRow := regexp.MustCompile("(?m)^\\| `(SIGNPOST_[A-Z_]+)` \\| (.+?) \\|")
	for _, row := range settingRow.FindAllStringSubmatch(string(readme), -1) {
		told[row[1]] = row[2]
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[FunctionConfig]()) {
		if field.Anonymous { // Config, whose fields are visited themselves
			continue
		}
		variable, standard := field.Tag.Get("env"), field.Tag.Get("default")
		row, ok := told[variable]
		if !ok {
			t.Errorf("%s (%s) is not in the README", variable, field.Name)
		}
		if standard != "" && row != "`"+standard+"`" {
			t.Errorf("%s: README gives the default %s, the struct %q", variable, row, standard)
		}
		if field.Tag.Get("help") == "" {
			t.Errorf("%s has no help", variable)
		}
		delete(told, variable)
	}
	for variable := range told {
		t.Errorf("README tells of %s, which nothing reads", variable)
	}
}
