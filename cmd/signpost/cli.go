package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/terminal"
)

// cli is the command line. kong reads the tags.
type cli struct {
	Serve      serveCmd      `cmd:"" help:"Run the service on a bucket, or on a local store without an AWS account."`
	Upload     uploadCmd     `cmd:"" help:"Upload files, and resume interrupted uploads."`
	Status     statusCmd     `cmd:"" help:"Show the status of an import."`
	List       listCmd       `cmd:"" help:"List imports, newest first."`
	Abort      abortCmd      `cmd:"" help:"Abort imports, and delete their uploaded parts."`
	Download   downloadCmd   `cmd:"" help:"Download a completed import, if the service allows downloads."`
	Doctor     doctorCmd     `cmd:"" help:"Check that the bucket supports the service, and explain how to fix it."`
	Listen     listenCmd     `cmd:"" help:"Receive the service's events, and run a command for each."`
	Events     eventsCmd     `cmd:"" help:"List dead events, and redeliver them."`
	Webhooks   webhooksCmd   `cmd:"" help:"Generate webhook signing keys, and print the keys of receivers."`
	GC         gcCmd         `cmd:"" name:"gc" help:"Sweep once: expire imports, abort orphans, deliver events."`
	Keygen     keygenCmd     `cmd:"" help:"Generate an API key, and its line for the file of keys."`
	Spec       specCmd       `cmd:"" help:"Print the OpenAPI document of the service."`
	Completion completionCmd `cmd:"" help:"Print a shell completion script."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

// invocation is what each command receives besides its flags.
type invocation struct {
	ctx context.Context
	// stdout and stderr escape control characters, because text may contain strings of a server. Their Writers do not.
	stdout, stderr terminal.Writer
	configErrors   *config.Errors
	variables      []string // that a command or the Lambda function reads
}

// run parses the command line and runs its command.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	i := invocation{ctx: ctx, stdout: terminal.NewWriter(stdout), stderr: terminal.NewWriter(stderr)}
	var commands cli
	var configErrors config.Errors
	exited := false
	parser, err := kong.New(&commands, append(configErrors.Options(),
		kong.Name("signpost"),
		kong.Description("Signpost returns signed S3 URLs, so that clients upload large files directly to S3.\n\n"+
			"Example without an AWS account, in two shells:\n\n\tsignpost serve\n\tsignpost upload report.csv"),
		kong.Writers(i.stdout, i.stderr),
		kong.Exit(func(int) { exited = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)...)
	if err != nil {
		return err
	}
	hideUnusedSettings(parser.Model)
	if len(args) == 0 {
		args = []string{"--help"}
	}
	args = withCommonSpellings(args)
	if args[0] == completeCommand {
		complete(i.stdout, parser.Model.Node, args[1:])
		return i.stdout.Err()
	}
	command, err := parser.Parse(flagsFirst(parser.Model, args))
	if err := i.stdout.Err(); err != nil || exited { // kong printed the help
		return err
	}
	if err != nil {
		return newUsageError(parser.Model.Node, err)
	}
	i.configErrors, i.variables = &configErrors, variablesOf(parser.Model)
	if err = command.Run(&i); errors.As(err, new(usageError)) {
		return withUsage(command.Selected(), err)
	}
	return cmp.Or(err, i.stdout.Err())
}

// settingsUser is a command that accepts all settings of serve and uses some.
type settingsUser interface {
	// settings returns the names of the flags that the command uses.
	settings() []string
}

// hideUnusedSettings removes the settings that a command does not use from its help. The command accepts them.
func hideUnusedSettings(model *kong.Application) {
	for _, command := range model.Leaves(false) {
		user, ok := command.Target.Interface().(settingsUser)
		for _, flag := range command.Flags {
			flag.Hidden = flag.Hidden || ok && flag.Group != nil && !slices.Contains(user.settings(), flag.Name)
		}
	}
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
