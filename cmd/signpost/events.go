package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/app"
	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/outbox"
)

type eventsCmd struct {
	Tail      tailCmd      `cmd:"" help:"Tell of each import that ends, whoever is told besides."`
	Dead      deadCmd      `cmd:"" help:"List the events that nobody took within three days."`
	Redeliver redeliverCmd `cmd:"" help:"Have events that were given up delivered after all."`
}

type tailCmd struct {
	app.Config
	Since time.Duration `placeholder:"DURATION" help:"Begin with those that ended so long ago, such as 1h; with what ends from now on when left out."`
	JSON  bool          `name:"json" help:"Print an event a line as JSON."`
}

// Help is what events tail --help says before its flags.
func (tailCmd) Help() string {
	return "It takes the settings of serve, and reads the bucket every two seconds. An import that somebody uploaded is known to have " +
		"ended once the store tells the service, or somebody reads it; a bare one is not known at all. Ctrl-C ends it."
}

// tailEvery is how often the bucket is read.
const tailEvery = 2 * time.Second

func (t tailCmd) Run(i *invocation) error {
	if t.Since < 0 {
		return usageError{errors.New("--since: must be a duration such as 1h")}
	}
	return withBucket(i, t.Config, func(_ aws.Config, store *bucket.Bucket, c app.Config) error {
		f := follower{service: c.Service(store), since: time.Now().Add(-t.Since), told: map[string]bool{}}
		for i.ctx.Err() == nil {
			err := f.look(i.ctx, func(e outbox.Event) error { return printEvent(i.stdout, e, t.JSON) })
			if err != nil && i.ctx.Err() == nil {
				return err
			}
			select {
			case <-time.After(tailEvery):
			case <-i.ctx.Done():
			}
		}
		return nil
	})
}

// follower looks for records that were written since it looked before.
type follower struct {
	service *imports.Service
	since   time.Time
	told    map[string]bool // ids of events
}

func (f *follower) look(ctx context.Context, tell func(outbox.Event) error) error {
	const doubt = 2 * time.Second // a store's times are whole seconds
	since := f.since.Add(-doubt)
	oldest := since.Add(-2 * max(f.service.Limits.JobTTL, f.service.Limits.URLTTL))
	return f.service.Owners(ctx, func(owner string) error {
		last, err := f.service.Ended(ctx, owner, oldest, since, func(j imports.Job) error {
			e, err := outbox.Tell(j, f.service.Bucket.Name(), f.since)
			if err != nil || f.told[e.ID] || e.Time.Before(since) {
				return err
			}
			f.told[e.ID] = true
			return tell(e)
		})
		if last.After(f.since) {
			f.since = last
		}
		return err
	})
}

func printEvent(w io.Writer, e outbox.Event, asJSON bool) error {
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	n, err := parseNotice(body)
	if err != nil {
		return err
	}
	text := n.String()
	if asJSON {
		text = n.line
	}
	_, err = fmt.Fprintln(w, text)
	return err
}

type deadCmd struct {
	app.Config
	JSON bool `name:"json" help:"Print an event a line as JSON, with what kept it from being delivered."`
}

func (d deadCmd) Run(i *invocation) error {
	return withBucket(i, d.Config, func(_ aws.Config, store *bucket.Bucket, _ app.Config) error {
		found := 0
		box := outbox.Outbox{Bucket: store}
		err := box.EachDead(i.ctx, func(dead outbox.Dead) error {
			found++
			if d.JSON {
				text, err := json.Marshal(dead)
				fmt.Fprintf(i.stdout, "%s\n", text)
				return err
			}
			fmt.Fprintf(i.stdout, "%s  %s\n", dead.Event.ID, when(&dead.Since))
			if err := printEvent(i.stdout, dead.Event, false); err != nil {
				return err
			}
			fmt.Fprintf(i.stdout, "  given up after %s: %s\n", counted(int64(dead.Attempts), "attempt"), shown(dead.Failure))
			return nil
		})
		if found == 0 && err == nil && !d.JSON {
			fmt.Fprintln(i.stdout, "no dead events")
		}
		return err
	})
}

type redeliverCmd struct {
	app.Config
	ID  string `arg:"" optional:"" name:"id" help:"The event's id, as dead lists it."`
	All bool   `help:"All events that were given up."`
}

func (r redeliverCmd) Run(i *invocation) error {
	if (r.ID == "") != r.All {
		return usageError{errors.New("name an event, or say --all; signpost events dead lists them")}
	}
	return withBucket(i, r.Config, func(_ aws.Config, store *bucket.Bucket, _ app.Config) error {
		box := outbox.Outbox{Bucket: store, Now: time.Now}
		n, err := box.Redeliver(i.ctx, r.ID)
		if n == 0 && err == nil && !r.All {
			return fmt.Errorf("%s is no dead event; signpost events dead lists them", r.ID)
		}
		fmt.Fprintf(i.stdout, "%s will be delivered by the next sweep of the service\n", counted(int64(n), "event"))
		return err
	})
}
