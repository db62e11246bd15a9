package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/signpost-s3/signpost/internal/format"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/outbox"
)

type deadCmd struct {
	config.Config
	JSON  bool   `name:"json" help:"Print one event per line as JSON, with its last error."`
	Queue string `placeholder:"URL" help:"Also print the events that a Lambda function could not process: the output FailuresQueue of its stack."`
}

// Help returns the text before the flags in events dead --help.
func (deadCmd) Help() string {
	return "Use the settings of serve. The oldest event comes first, with its id, the time of its last attempt and the " +
		"error. Use signpost events redeliver to deliver events again.\n\n" + otherSettings +
		"Example:\n\n\tsignpost events dead --bucket my-uploads --json"
}

func (deadCmd) settings() []string { return bucketSettings() }

const noDeadEvents = "no dead events"

func (d deadCmd) Run(i *invocation) error {
	if d.Queue != "" && d.Bucket == "" {
		return usageError{errors.New("--queue requires --bucket: the local store has no queue")}
	}
	return withBucket(i, d.Config, func(settings aws.Config, store *bucket.Bucket, _ config.Config) error {
		found := 0
		err := outbox.EachDead(i.ctx, store, func(dead outbox.Dead) error {
			found++
			if d.JSON {
				return printJSON(i.stdout, dead)
			}
			fmt.Fprintf(i.stdout, "%s  %s\n", format.Name(dead.Event.ID), format.Time(dead.Since))
			if err := printEvent(i.stdout, dead.Event); err != nil {
				return err
			}
			fmt.Fprintf(i.stdout, "  failed after %s: %s\n", format.Count(dead.Attempts, "attempt"), format.Name(dead.Failure))
			return nil
		})
		if d.Queue != "" {
			failed, errQueue := readFailedInvocations(i.ctx, settings, d.Queue)
			err = errors.Join(err, errQueue)
			for _, f := range failed {
				found++
				if d.JSON {
					err = errors.Join(err, printJSON(i.stdout, f))
				} else {
					fmt.Fprintln(i.stdout, f)
				}
			}
		}
		if found == 0 && err == nil && !d.JSON {
			fmt.Fprintln(i.stdout, noDeadEvents)
		}
		return err
	})
}

// printJSON prints v in one line.
func printJSON(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	fmt.Fprintf(w, "%s\n", text)
	return err
}
