package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"

	"github.com/signpost-s3/signpost/internal/app"
)

// cli is the command line; kong reads it from the tags.
type cli struct {
	Serve   serveCmd   `cmd:"" help:"Run the service: on a bucket or, where none is named, on a local store that needs no AWS account."`
	Doctor  doctorCmd  `cmd:"" help:"Try whether the bucket does all that the service needs, and say what to do where it does not."`
	Spec    specCmd    `cmd:"" help:"Print the OpenAPI document that the service is made from."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// invocation is what every command gets besides its flags.
type invocation struct {
	ctx            context.Context
	stdout, stderr io.Writer
	complaints     *app.Complaints
}

// run is the whole program but for the process's own exit.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var commands cli
	var complaints app.Complaints
	exited := false
	parser, err := kong.New(&commands, append(complaints.Options(),
		kong.Name("signpost"),
		kong.Description("Signpost hands out signed S3 URLs, so that large uploads go straight to S3 instead of through an API."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { exited = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)...)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exited { // help was asked for, and printed
		return nil
	}
	if err != nil {
		return usageError{fmt.Errorf("%w; see signpost --help", err)}
	}
	return command.Run(&invocation{ctx, stdout, stderr, &complaints})
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

// exitStatus is 2 for bad use, 1 for any other failure.
func exitStatus(err error) int {
	if errors.As(err, new(usageError)) {
		return 2
	}
	return 1
}
