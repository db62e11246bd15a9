package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLogMessages: OPERATIONS.md lists each message of the log, up to a semicolon.
func TestLogMessages(t *testing.T) {
	page, err := os.ReadFile("OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "\n### What is in the log?\n")
	table, _, _ = strings.Cut(table, "\n### ")
	message := regexp.MustCompile(`[lL]og(?:ger)?\.(?:Info|Warn|Error)\("([^";]+)`)
	found := 0
	for _, root := range []string{"../../cmd", "../../internal"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() && d.Name() == "testing" {
				return filepath.SkipDir
			}
			if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			source, err := os.ReadFile(path)
			for _, m := range message.FindAllStringSubmatch(string(source), -1) {
				if found++; !strings.Contains(table, "`"+m[1]+"`") {
					t.Errorf("%s logs %q, which OPERATIONS.md does not list", path, m[1])
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 30 {
		t.Errorf("found %d messages, want the more than 30 of the source", found)
	}
}
