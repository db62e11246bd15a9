package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/terminal"
)

// cli is the command line; kong reads it from the tags.
type cli struct {
	Serve      serveCmd      `cmd:"" help:"Run the service: on a bucket or, where none is named, on a local store that needs no AWS account."`
	Upload     uploadCmd     `cmd:"" help:"Upload files, and go on with what was cut off."`
	Status     statusCmd     `cmd:"" help:"Tell how far an import is."`
	List       listCmd       `cmd:"" help:"List imports, newest first."`
	Abort      abortCmd      `cmd:"" help:"Abort imports, and remove what was sent of them."`
	Download   downloadCmd   `cmd:"" help:"Download a completed import, where the service allows it."`
	Doctor     doctorCmd     `cmd:"" help:"Try whether the bucket does all that the service needs, and say what to do where it does not."`
	Listen     listenCmd     `cmd:"" help:"Receive the service's events on this machine, and run a command for each."`
	Events     eventsCmd     `cmd:"" help:"Follow the ends of imports, and deal with events that could not be delivered."`
	Webhooks   webhooksCmd   `cmd:"" help:"Make the keys that sign webhook deliveries, and print what receivers verify with."`
	GC         gcCmd         `cmd:"" name:"gc" help:"Sweep the bucket once: record what has ended, free abandoned parts, deliver what is due."`
	Keygen     keygenCmd     `cmd:"" help:"Make an API key, and the line by which a service knows it."`
	Spec       specCmd       `cmd:"" help:"Print the OpenAPI document that the service is made from."`
	Completion completionCmd `cmd:"" help:"Print the script that lets a shell complete commands and flags."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

// invocation is what every command gets besides its flags.
type invocation struct {
	ctx context.Context
	// stdout and stderr escape control characters, for text often contains strings of a server.
	stdout, stderr io.Writer
	// raw is for what is not text: an object's bytes, the output of the user's own command, and the cursor movements of progress bars.
	raw          struct{ stdout, stderr io.Writer }
	configErrors *config.Errors
	variables    []string // all that some command or the Lambda function reads
}

// run is the whole program but for the process's own exit.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	i := invocation{ctx: ctx, stdout: terminal.NewWriter(stdout), stderr: terminal.NewWriter(stderr)}
	i.raw.stdout, i.raw.stderr = stdout, stderr
	var commands cli
	var configErrors config.Errors
	exited := false
	parser, err := kong.New(&commands, append(configErrors.Options(),
		kong.Name("signpost"),
		kong.Description("Signpost hands out signed S3 URLs, so that large uploads go straight to S3 instead of through an API."),
		kong.Writers(i.stdout, i.stderr),
		kong.Exit(func(int) { exited = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)...)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	args = withCommonSpellings(args)
	if args[0] == completeCommand {
		complete(i.stdout, parser.Model.Node, args[1:])
		return nil
	}
	command, err := parser.Parse(flagsFirst(parser.Model.Node, args))
	if exited { // help was asked for, and printed
		return nil
	}
	if err != nil {
		return usageError{fmt.Errorf("%w; see %s --help", err, commandOf(err))}
	}
	i.configErrors, i.variables = &configErrors, variablesOf(parser.Model)
	return command.Run(&i)
}

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

// commandOf returns the command whose arguments err rejects, such as "signpost upload".
func commandOf(err error) string {
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context.Selected() != nil {
		return parse.Context.Selected().FullPath()
	}
	return "signpost"
}

// variablesOf returns the names of all environment variables that set a flag.
func variablesOf(model *kong.Application) []string {
	names := config.SettingNames()
	for _, command := range model.Leaves(false) {
		for _, flag := range command.Flags {
			names = append(names, flag.Envs...)
		}
	}
	return names
}

// flagsFirst moves a command's flags before its arguments: kong takes no further argument of a list after a flag.
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
			return slices.Concat(flags, words, args[n:]) // no argument is its value
		case findFlag(node, word) != nil:
			n++
			flags = append(flags, word, args[n])
		default:
			flags = append(flags, word)
		}
	}
	return slices.Concat(flags, words)
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

// exitStatus is 2 for bad use, 130 for an interruption, as shells have it, and 1 for any other failure.
func exitStatus(err error) int {
	switch {
	case errors.As(err, new(usageError)):
		return 2
	case errors.As(err, new(interruption)):
		return 130
	}
	return 1
}
