package main

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/assembly"
	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/sweep"
)

type gcCmd struct{ config.Config }

// Help is what gc --help says before its flags.
func (gcCmd) Help() string {
	return "It takes the settings of serve, those of webhooks and bus among them: what it finds to have ended, it tells them and nobody " +
		"else. A running service does the same every ten minutes, and where one is at it, this leaves it alone. So is what is under way. " +
		"The exit status is 0 unless something could not be looked at."
}

func (g gcCmd) Run(i *invocation) error {
	return withBucket(i, g.Config, func(settings aws.Config, store *bucket.Bucket, c config.Config) error {
		log := assembly.NewLogger(i.stderr)
		parts, err := assembly.New(c, settings, store, assembly.Options{Holder: "gc-" + uuid.NewString(), Log: log})
		if err != nil {
			return err
		}
		r, err := parts.Sweeper.RunOnce(i.ctx)
		if errors.Is(err, sweep.ErrLeased) {
			fmt.Fprintln(i.stdout, err)
			return nil
		}
		if i.ctx.Err() != nil {
			return interruption{"interrupted; the next sweep goes on from here"}
		}
		return printReport(i, r, parts.Outbox != nil, err)
	})
}

// report tells what a sweep came to.
func printReport(i *invocation, r sweep.Report, tells bool, err error) error {
	fmt.Fprintf(i.stdout, "imports whose time is over: %d, of which %d had ended unnoticed\n", r.Imports.Inspected, r.Imports.Terminated)
	fmt.Fprintf(i.stdout, "uploads in parts: %d, of which %d were abandoned and are freed\n", r.Uploads.Inspected, r.Uploads.Terminated)
	if tells {
		fmt.Fprintf(i.stdout, "events due: %d\n", r.Events)
	}
	odd := append(r.Imports.Failed, r.Uploads.Failed...)
	for _, o := range odd {
		fmt.Fprintf(i.stderr, "signpost: %v\n", o)
	}
	if len(odd) > 0 && err == nil {
		err = fmt.Errorf("%s cannot be looked at", plural(len(odd), "import"))
	}
	return err
}
