package internal

import (
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// unwritten are the folders whose files this check ignores: generated or not part of the repository.
var unwritten = []string{"gen", "bin", "data", ".git", "node_modules", "__pycache__"}

// TestWords checks that no file contains a word of testdata/words.txt. Plain technical English has a better one.
func TestWords(t *testing.T) {
	list, err := os.ReadFile("testdata/words.txt")
	if err != nil {
		t.Fatal(err)
	}
	words := regexp.MustCompile(`(?i)\b(` + strings.Join(strings.Fields(string(list)), "|") + `)\b`)
	kinds := []string{".go", ".js", ".html", ".yaml", ".sh", ".py", ".md", ".txtar", ".conf", ".service"}
	kinds = append(kinds, "Makefile", "Dockerfile", "Caddyfile")
	kinds = append(kinds, "browser", "compatible", "e2e", "function", "image", "install", "large", "lint", "parts", "run",
		"systemd") // in .ci
	for path, text := range written(t, kinds...) {
		for i, line := range strings.Split(text, "\n") {
			for _, word := range words.FindAllString(line, -1) {
				if word != "NoBody" { // http.NoBody
					t.Errorf("%s:%d: the word %q", path, i+1, word)
				}
			}
		}
	}
}

const (
	maxColumns = 120 // a tab counts as one
	// A longer string literal, such as a pattern, a document or a struct tag, may exceed maxColumns.
	maxLiteral = 60
)

// TestLineLength checks that lines of Go have at most maxColumns columns.
func TestLineLength(t *testing.T) {
	for path, text := range written(t, ".go") {
		var exempt map[int]bool
		for i, line := range strings.Split(text, "\n") {
			if columns := utf8.RuneCountInString(line); columns > maxColumns {
				if exempt == nil {
					exempt = linesOfLongLiterals(text)
				}
				if !exempt[i+1] {
					t.Errorf("%s:%d: %d columns, want at most %d", path, i+1, columns, maxColumns)
				}
			}
		}
	}
}

// linesOfLongLiterals returns the numbers of the lines that contain a string literal, or a line of one, longer than
// maxLiteral.
func linesOfLongLiterals(text string) map[int]bool {
	lines, files := map[int]bool{}, token.NewFileSet()
	file := files.AddFile("", -1, len(text))
	var s scanner.Scanner
	s.Init(file, []byte(text), nil, 0)
	for {
		position, kind, literal := s.Scan()
		if kind == token.EOF {
			return lines
		}
		if kind != token.STRING {
			continue
		}
		for i, line := range strings.Split(literal, "\n") {
			if utf8.RuneCountInString(line) > maxLiteral {
				lines[file.Line(position)+i] = true
			}
		}
	}
}

// written returns the hand-written files of the repository whose names end in one of these endings, by path.
func written(t *testing.T, endings ...string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(unwritten, entry.Name()):
			return fs.SkipDir
		case entry.IsDir() || !slices.ContainsFunc(endings, func(e string) bool { return strings.HasSuffix(path, e) }):
			return nil
		}
		text, err := os.ReadFile(path)
		files[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no files are checked")
	}
	return files
}
