package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
)

// usageError is an invalid command line.
type usageError struct{ error }

// withoutQuotes removes the quotes of kong's lists, and the empty value of optional flags.
var withoutQuotes = strings.NewReplacer(`",""`, ``, `","`, `, `, `"`, ``)

// kongTexts are errors of kong without quotes, and clearer texts for them.
var kongTexts = []struct {
	kong *regexp.Regexp
	text string
}{
	{regexp.MustCompile(`^expected one of (.*)$`), "missing command: $1"},
	{regexp.MustCompile(`^expected (.*)$`), "missing argument: $1"},
	{regexp.MustCompile(`^(\S+): expected .* value but got EOL .*$`), "$1: requires a value"},
	{
		regexp.MustCompile(`^(\S+): expected .* value but got (.*) \(\w+ flag\); perhaps try .*$`),
		`$1: requires a value, and "$2" looks like a flag: write $1="$2" if it is the value`,
	},
	{regexp.MustCompile(`^(\S+): expected <key>=<value> but got (.*)$`), `$1="$2": must be KEY=VALUE`},
	{regexp.MustCompile(`^(\S+) must be one of (.*) but got (.*)$`), `$1="$3": must be one of $2`},
	{regexp.MustCompile(`can't be used together$`), "cannot be used together"},
	{regexp.MustCompile(`, did you mean (?:one of )?(.*)\?$`), " (did you mean $1?)"},
}

// newUsageError returns an error of kong in plain words. It ends with the command that prints the help.
func newUsageError(err error) error {
	text, command := withoutQuotes.Replace(err.Error()), "signpost"
	var parse *kong.ParseError
	if errors.As(err, &parse) {
		node := parse.Context.Model.Node
		if selected := parse.Context.Selected(); selected != nil {
			node, command = selected, selected.FullPath()
		}
		if len(node.Children) > 0 {
			text = strings.Replace(text, "unexpected argument", "unknown command", 1)
		}
	}
	for _, t := range kongTexts {
		text = t.kong.ReplaceAllString(text, t.text)
	}
	return usageError{fmt.Errorf("%s; see %s --help", text, command)}
}
