package main

import (
	"cmp"
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

// newUsageError returns an error of kong in plain words.
func newUsageError(root *kong.Node, err error) error {
	text, node := withoutQuotes.Replace(err.Error()), root
	var parse *kong.ParseError
	if errors.As(err, &parse) {
		node = cmp.Or(parse.Context.Selected(), root)
		if len(node.Children) > 0 {
			text = strings.Replace(text, "unexpected argument", "unknown command", 1)
		}
	}
	for _, t := range kongTexts {
		text = t.kong.ReplaceAllString(text, t.text)
	}
	return withUsage(node, usageError{errors.New(text)})
}

// withUsage adds to a usage error the command that prints the help of node, and how to use node unless it is the root.
func withUsage(node *kong.Node, err error) error {
	err = fmt.Errorf("%w; see %s --help", err, node.FullPath())
	if node.Parent != nil {
		err = fmt.Errorf("%w\nusage: signpost %s", err, node.Summary())
	}
	return err
}
