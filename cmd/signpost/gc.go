package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/app"
	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/sweep"
)

type gcCmd struct{ app.Config }

// Help is what gc --help says before its flags.
func (gcCmd) Help() string {
	return "It takes the settings of serve, which does the same now and then. What is under way is left alone. The exit status is 0 when " +
		"all was looked at."
}

func (g gcCmd) Run(i *invocation) error {
	return withBucket(i, g.Config, func(settings aws.Config, store *bucket.Bucket, c app.Config) error {
		log := app.NewLogger(i.stderr)
		service := c.Service(store)
		box, err := c.Outbox(service, settings, log)
		if err != nil {
			return err
		}
		sweeper := sweep.Sweeper{Bucket: store, Imports: service, Outbox: box, Holder: "gc-" + uuid.NewString(), Now: time.Now, Log: log}
		r, err := sweeper.Once(i.ctx)
		if errors.Is(err, sweep.ErrLeased) {
			fmt.Fprintln(i.stdout, err)
			return nil
		}
		return report(i, r, box != nil, err)
	})
}

// report tells what a sweep came to.
func report(i *invocation, r sweep.Report, tells bool, err error) error {
	fmt.Fprintf(i.stdout, "looked at %s and %s under way: %d and %d ended\n",
		counted(int64(r.Imports.Looked), "import"), counted(int64(r.Uploads.Looked), "upload"), r.Imports.Ended, r.Uploads.Ended)
	if tells {
		fmt.Fprintf(i.stdout, "%s due\n", counted(int64(r.Events), "event"))
	}
	odd := append(r.Imports.Odd, r.Uploads.Odd...)
	for _, o := range odd {
		fmt.Fprintf(i.stderr, "signpost: %v\n", o)
	}
	if len(odd) > 0 && err == nil {
		err = fmt.Errorf("%s cannot be looked at", counted(int64(len(odd)), "import"))
	}
	return err
}
