package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/outbox"
)

type redeliverCmd struct {
	config.Config
	ID  string `arg:"" optional:"" name:"id" help:"The event's id, as signpost events dead lists it."`
	All bool   `help:"Send all events that were given up."`
}

// Help is what events redeliver --help says before its flags.
func (redeliverCmd) Help() string {
	return "It takes the settings of serve. It sends nothing itself: a running service does, within seconds, or else signpost gc. For three " +
		"days each event is tried again, under the id that it had."
}

func (r redeliverCmd) Run(i *invocation) error {
	if (r.ID == "") != r.All {
		return usageError{errors.New("name one event, or say --all; signpost events dead lists them")}
	}
	return withBucket(i, r.Config, func(_ aws.Config, store *bucket.Bucket, _ config.Config) error {
		n, err := outbox.Redeliver(i.ctx, store, time.Now(), r.ID)
		switch {
		case n == 0 && err == nil && !r.All:
			return fmt.Errorf("%s was not given up, or is no event; signpost events dead lists those that were", displayName(r.ID))
		case n == 0 && err == nil:
			fmt.Fprintln(i.stdout, noDeadEvents)
		case n > 0:
			fmt.Fprintf(i.stdout, "the service sends %s again, with its next sweep\n", plural(n, "event"))
		}
		return err
	})
}
