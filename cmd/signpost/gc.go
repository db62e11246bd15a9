package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/signpost-s3/signpost/internal/format"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/assembly"
	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/sweep"
)

type gcCmd struct{ config.Config }

// Help returns the text before the flags in gc --help.
func (gcCmd) Help() string {
	return "Use the settings of serve, also those of webhooks and the event bus. A running service sweeps every ten " +
		"minutes, so this command does nothing while one runs. Uploads in progress are not affected. The " +
		"exit status is 1 if an import cannot be inspected.\n\n" + otherSettings +
		"Example:\n\n\tsignpost gc --bucket my-uploads"
}

func (gcCmd) settings() []string {
	return append(bucketSettings(), "url-ttl", "job-ttl", "webhook-url", "webhook-secrets", "webhook-secrets-file",
		"webhook-secrets-parameter", "webhook-hosts", "webhook-networks", "event-bus")
}

func (g gcCmd) Run(i *invocation) error {
	return withBucket(i, g.Config, func(settings aws.Config, store *bucket.Bucket, c config.Config) error {
		log := assembly.NewLogger(i.stderr)
		parts, err := assembly.New(i.ctx, c, settings, store, assembly.Options{Holder: "gc-" + uuid.NewString(), Log: log})
		if err != nil {
			return err
		}
		r, err := parts.Sweeper.RunOnce(i.ctx)
		if errors.Is(err, sweep.ErrLeased) {
			fmt.Fprintln(i.stdout, err)
			return nil
		}
		if i.ctx.Err() != nil {
			return interruption{"interrupted; the next sweep continues from here"}
		}
		return printReport(i, r, parts.Outbox != nil, err)
	})
}

// printReport prints the counts of a sweep.
func printReport(i *invocation, r sweep.Report, delivers bool, err error) error {
	fmt.Fprintf(i.stdout, "imports: %d inspected, %d of them completed or expired\n",
		r.Imports.Inspected, r.Imports.Terminated)
	fmt.Fprintf(i.stdout, "multipart uploads: %d inspected, %d of them orphaned and aborted\n",
		r.Uploads.Inspected, r.Uploads.Terminated)
	if delivers {
		fmt.Fprintf(i.stdout, "events: %d were due for delivery\n", r.Events)
	}
	for _, e := range slices.Concat(r.Imports.Failed, r.Uploads.Failed) {
		fmt.Fprintf(i.stderr, "signpost: %v\n", e)
	}
	if failures := r.Imports.Failures + r.Uploads.Failures; failures > 0 && err == nil {
		err = fmt.Errorf("%s could not be inspected", format.Count(failures, "import"))
	}
	return err
}
