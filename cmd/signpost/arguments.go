package main

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// withCommonSpellings maps "help [COMMAND]" and "--version", which other tools accept, to the spelling of this one.
func withCommonSpellings(args []string) []string {
	switch args[0] {
	case "help":
		return append(slices.Clone(args[1:]), "--help")
	case "--version":
		return append([]string{"version"}, args[1:]...)
	}
	return args
}

// flagsFirst moves the flags of a command between its name and its arguments. kong rejects flags before the name, and
// further arguments after a flag.
func flagsFirst(model *kong.Application, args []string) []string {
	leading := leadingFlags(model, args)
	before, args := args[:leading], args[leading:]
	node, first := model.Node, 0
	for first < len(args) && findChild(node, args[first]) != nil {
		node = findChild(node, args[first])
		first++
	}
	if first == 0 { // there is no command, or an unknown one
		return slices.Concat(args, before)
	}
	flags, words := slices.Concat(args[:first], before), []string{}
	for n := first; n < len(args); n++ {
		switch word := args[n]; {
		case word == "--":
			return slices.Concat(flags, []string{"--"}, words, args[n+1:])
		case !strings.HasPrefix(word, "-") || word == "-":
			words = append(words, word)
		case findFlag(node, word) != nil && n+1 == len(args):
			return slices.Concat(flags, words, args[n:]) // its value is missing
		case findFlag(node, word) != nil:
			n++
			flags = append(flags, word, args[n])
		default:
			flags = append(flags, word)
		}
	}
	return slices.Concat(flags, words)
}

// leadingFlags returns the number of words before the command: flags of any command, and their values.
func leadingFlags(model *kong.Application, args []string) (n int) {
	for n < len(args) && strings.HasPrefix(args[n], "-") && args[n] != "--" {
		takesValue := func(command *kong.Node) bool { return findFlag(command, args[n]) != nil }
		if slices.ContainsFunc(model.Leaves(false), takesValue) {
			n++
		}
		n++
	}
	return min(n, len(args))
}

// findFlag returns the flag that word names if its value is the next word.
func findFlag(node *kong.Node, word string) *kong.Flag {
	for _, group := range node.AllFlags(false) {
		for _, flag := range group {
			if !flag.IsBool() && (word == "--"+flag.Name || flag.Short != 0 && word == "-"+string(flag.Short)) {
				return flag
			}
		}
	}
	return nil
}

func findChild(node *kong.Node, name string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == name {
			return child
		}
	}
	return nil
}
