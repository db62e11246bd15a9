package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"Shell: bash, zsh or fish."`
}

// Help returns the text before the flags in completion --help.
func (completionCmd) Help() string {
	return "For bash, add to ~/.bashrc:\n\n\tsource <(signpost completion bash)\n\n" +
		"For zsh, add to ~/.zshrc after compinit:\n\n\tsource <(signpost completion zsh)\n\n" +
		"For fish, run:\n\n\tsignpost completion fish > ~/.config/fish/completions/signpost.fish"
}

// completeCommand is the hidden command of the scripts: signpost __complete WORD... prints completions of the last
// word.
const completeCommand = "__complete"

// completionScripts call completeCommand, and complete filenames if it prints nothing.
var completionScripts = map[string]string{
	"bash": `_signpost() {
  local IFS=$'\n'
  COMPREPLY=($(signpost __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _signpost signpost
`,
	"zsh": `#compdef signpost
_signpost() {
  local -a found
  found=("${(@f)$(signpost __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -- $found; else _files; fi
}
compdef _signpost signpost
`,
	"fish": `complete -c signpost -n __fish_use_subcommand -f
complete -c signpost -a '(signpost __complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`,
}

func (c completionCmd) Run(i *invocation) error {
	_, err := io.WriteString(i.stdout, completionScripts[c.Shell])
	return err
}

// complete prints the completions of the last word, one per line.
func complete(w io.Writer, node *kong.Node, words []string) {
	word, value := "", (*kong.Flag)(nil)
	for n, next := range words {
		if word = next; n == len(words)-1 {
			break
		}
		switch {
		case next == "=": // bash splits --flag=value
		case value != nil:
			value = nil
		case strings.HasPrefix(next, "-"):
			value = findFlag(node, next)
		default:
			if child := findChild(node, next); child != nil {
				node = child
			}
		}
	}
	before := ""
	if name, rest, ok := strings.Cut(word, "="); ok && strings.HasPrefix(name, "--") {
		before, word, value = name+"=", rest, findFlag(node, name)
	} else if word == "=" {
		word = ""
	}
	for _, c := range candidates(node, value, word) {
		if strings.HasPrefix(c, word) {
			fmt.Fprintln(w, before+c)
		}
	}
}

// candidates returns values of the flag before word, else flags if word begins with a hyphen, else values of the first
// argument, else commands.
func candidates(node *kong.Node, value *kong.Flag, word string) (found []string) {
	switch {
	case value != nil:
		return enumValues(value.Value)
	case strings.HasPrefix(word, "-"):
		for _, group := range node.AllFlags(true) {
			for _, flag := range group {
				found = append(found, "--"+flag.Name)
			}
		}
		return found
	case len(node.Positional) > 0:
		return enumValues(node.Positional[0])
	}
	for _, child := range node.Children {
		if !child.Hidden {
			found = append(found, child.Name)
		}
	}
	return found
}

func enumValues(v *kong.Value) (found []string) {
	for _, name := range v.EnumSlice() {
		if name != "" {
			found = append(found, name)
		}
	}
	return found
}
