package internal

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// maxReadme limits the README at the root, in bytes, so that it stays an overview.
const maxReadme = 12 << 10

func TestReadmeIsShort(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > maxReadme {
		t.Errorf("README.md: got %d bytes, want at most %d: move what is not an overview to another README",
			len(text), maxReadme)
	}
}

// TestReadmeLinks checks that the files and headings that READMEs link to exist.
func TestReadmeLinks(t *testing.T) {
	fences := regexp.MustCompile("(?ms)^```.*?^```")
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for path, text := range written(t, ".md") {
		for _, match := range link.FindAllStringSubmatch(fences.ReplaceAllString(text, ""), -1) {
			file, heading, _ := strings.Cut(match[1], "#")
			if strings.Contains(file, "://") {
				continue
			}
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: broken link %s", path, match[1])
			} else if heading != "" && !headings(t, target)[heading] {
				t.Errorf("%s: %s has no such heading", path, match[1])
			}
		}
	}
}

// TestReadmeLineLength checks that lines of prose have at most maxColumns columns. Exempt are code, tables, and lines
// that have no space to break at.
func TestReadmeLineLength(t *testing.T) {
	for path, text := range written(t, ".md") {
		code := false
		for i, line := range strings.Split(text, "\n") {
			if strings.HasPrefix(line, "```") {
				code = !code
			}
			columns := utf8.RuneCountInString(line)
			breakable := strings.Contains(strings.TrimLeft(line, " -1234567890."), " ")
			if columns > maxColumns && !code && !strings.HasPrefix(line, "|") && breakable {
				t.Errorf("%s:%d: %d columns, want at most %d", path, i+1, columns, maxColumns)
			}
		}
	}
}

// headings returns the names by which links refer to the headings of a Markdown file.
func headings(t *testing.T, path string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, line := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(text), -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(line[1]), "")
		found[strings.ReplaceAll(name, " ", "-")] = true
	}
	return found
}
