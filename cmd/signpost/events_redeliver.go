package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/signpost-s3/signpost/internal/format"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/outbox"
)

type redeliverCmd struct {
	config.Config
	ID  string `arg:"" optional:"" name:"id" help:"Id of a dead event, from signpost events dead."`
	All bool   `help:"Deliver all dead events."`
}

// Help returns the text before the flags in events redeliver --help.
func (redeliverCmd) Help() string {
	return "Use the settings of serve. The events are delivered by a running service within seconds, or by signpost gc. " +
		"Each event keeps its id and is retried for three days.\n\n" + otherSettings +
		"Example:\n\n\tsignpost events redeliver --bucket my-uploads --all"
}

func (redeliverCmd) settings() []string { return bucketSettings() }

func (r redeliverCmd) Run(i *invocation) error {
	if (r.ID == "") != r.All {
		return usageError{errors.New("name one event or use --all; signpost events dead lists the dead events")}
	}
	return withBucket(i, r.Config, func(_ aws.Config, store *bucket.Bucket, _ config.Config) error {
		n, err := outbox.Redeliver(i.ctx, store, time.Now(), r.ID)
		switch {
		case n == 0 && err == nil && !r.All:
			return fmt.Errorf("%s is not the id of a dead event; signpost events dead lists them", format.Name(r.ID))
		case n == 0 && err == nil:
			fmt.Fprintln(i.stdout, noDeadEvents)
		case n > 0:
			fmt.Fprintf(i.stdout, "%s will be delivered again by the running service, or by signpost gc\n", format.Count(n, "event"))
		}
		return err
	})
}
