//go:build !race

package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"github.com/signpost-s3/signpost/internal/config"
)

// indented finds an example: an indented paragraph, whose lines are neither wrapped nor joined.
var indented = regexp.MustCompile(`\n\n {4}\S`)

// TestHelp checks the help of every command: it fits the terminal, it has an example, and it names all defaults.
func TestHelp(t *testing.T) {
	var settings config.Errors
	parser, err := kong.New(&cli{}, append(settings.Options(), kong.Name("signpost"))...)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range parser.Model.Leaves(true) {
		name := strings.TrimPrefix(command.FullPath(), "signpost ")
		for _, columns := range []int{80, 120} {
			text := helpOf(t, name, columns)
			for line := range strings.Lines(text) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > columns {
					t.Errorf("%s: a line of %d columns, want at most %d:\n%s", name, n, columns, line)
				}
			}
			if name != "version" && !indented.MatchString(text) {
				t.Errorf("%s: no example at %d columns", name, columns)
			}
		}
		checkFlags(t, name, command.Flags)
	}
}

// checkFlags checks that help of flags is one or more sentences, names defaults, and is grouped where there are many.
func checkFlags(t *testing.T, command string, flags []*kong.Flag) {
	const most = 9 // of a group
	groups := map[string]int{}
	for _, flag := range flags {
		if flag.Hidden {
			continue
		}
		if flag.Group == nil {
			groups["Flags:"]++
		} else {
			groups[flag.Group.Title]++
		}
		if !strings.HasSuffix(flag.Help, ".") {
			t.Errorf("%s --%s: help %q does not end with a period", command, flag.Name, flag.Help)
		}
		if flag.Default != "" && !strings.Contains(flag.Help, "(default "+flag.Default) {
			t.Errorf("%s --%s: help %q does not name the default %s", command, flag.Name, flag.Help, flag.Default)
		}
	}
	for group, n := range groups {
		if n > most {
			t.Errorf("%s: %d flags in the group %q, want at most %d", command, n, group, most)
		}
	}
}

func helpOf(t *testing.T, command string, columns int) string {
	t.Helper()
	t.Setenv("COLUMNS", fmt.Sprint(columns))
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), append(strings.Fields(command), "--help"), &stdout, &stderr); err != nil {
		t.Fatalf("%s --help: %v", command, err)
	}
	if stderr.Len() > 0 {
		t.Fatalf("%s --help: stderr %q, want nothing", command, &stderr)
	}
	return stdout.String()
}
