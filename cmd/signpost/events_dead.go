package main

import (
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/outbox"
)

type deadCmd struct {
	config.Config
	JSON bool `name:"json" help:"Print an event a line as JSON, with what kept it from being delivered."`
}

// Help is what events dead --help says before its flags.
func (deadCmd) Help() string {
	return "It takes the settings of serve. The oldest comes first, with its id, when it was given up and why. signpost events redeliver has " +
		"them sent again."
}

const noDeadEvents = "no event was given up"

func (d deadCmd) Run(i *invocation) error {
	return withBucket(i, d.Config, func(_ aws.Config, store *bucket.Bucket, _ config.Config) error {
		found := 0
		err := outbox.EachDead(i.ctx, store, func(dead outbox.Dead) error {
			found++
			if d.JSON {
				text, err := json.Marshal(dead)
				fmt.Fprintf(i.stdout, "%s\n", text)
				return err
			}
			fmt.Fprintf(i.stdout, "%s  %s\n", displayName(dead.Event.ID), formatTime(&dead.Since))
			if err := printEvent(i.stdout, dead.Event, false); err != nil {
				return err
			}
			fmt.Fprintf(i.stdout, "  given up after %s: %s\n", plural(dead.Attempts, "attempt"), displayName(dead.Failure))
			return nil
		})
		if found == 0 && err == nil && !d.JSON {
			fmt.Fprintln(i.stdout, noDeadEvents)
		}
		return err
	})
}
