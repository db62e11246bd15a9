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

// flagsFirst moves the flags of a command before its arguments, because kong rejects further arguments after a flag.
func flagsFirst(root *kong.Node, args []string) []string {
	node := findChild(root, args[0])
	if node == nil {
		return args
	}
	first := 1
	for first < len(args) && findChild(node, args[first]) != nil {
		node = findChild(node, args[first])
		first++
	}
	flags, words := slices.Clone(args[:first]), []string{}
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
