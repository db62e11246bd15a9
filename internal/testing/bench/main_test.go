package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGroups checks that each benchmark of the table exists.
func TestGroups(t *testing.T) {
	for _, g := range groups {
		files, err := filepath.Glob("internal/" + g.folder + "/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		var source strings.Builder
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			source.Write(text)
		}
		for name := range strings.SplitSeq(g.pattern, "|") {
			if !strings.Contains(source.String(), "func Benchmark"+name+"(") {
				t.Errorf("group %s: internal/%s has no Benchmark%s", g.name, g.folder, name)
			}
		}
	}
}
