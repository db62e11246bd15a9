package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/app"
	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/outbox"
)

type eventsCmd struct {
	Tail      tailCmd      `cmd:"" help:"Follow the imports that end, whoever else is told."`
	Dead      deadCmd      `cmd:"" help:"List the events that were given up, after three days without success."`
	Redeliver redeliverCmd `cmd:"" help:"Have events that were given up sent again."`
}

type tailCmd struct {
	config.Config
	Since time.Duration `placeholder:"DURATION" help:"Begin with what was found to have ended so long ago, such as 1h; with what ends from now on when left out."`
	JSON  bool          `name:"json" help:"Print an event a line as JSON."`
}

// Help is what events tail --help says before its flags.
func (tailCmd) Help() string {
	return "It takes the settings of serve, and lists the imports of the last two weeks (twice the job TTL) every two seconds, a thousand a call; " +
		"it needs no receiver, and takes nothing from one. " +
		"An upload in one request is known to have ended once the store tells the service, or somebody reads the import; a bare one is " +
		"not known at all. Ctrl-C ends it."
}

// tailEvery is how often the bucket is read.
const tailEvery = 2 * time.Second

func (t tailCmd) Run(i *invocation) error {
	if t.Since < 0 {
		return usageError{errors.New("--since: must be a duration such as 1h")}
	}
	return withBucket(i, t.Config, func(_ aws.Config, store *bucket.Bucket, c config.Config) error {
		since := time.Now().Add(-t.Since)
		f := follower{service: app.Service(c, store), since: since, last: since, told: map[string]bool{}}
		return f.follow(i, func(e outbox.Event) error { return printEvent(i.stdout, e, t.JSON) })
	})
}

// follower looks for records that were written since it looked before.
type follower struct {
	service     *imports.Service
	since, last time.Time       // of the newest record that was there before the last look, and in it
	told        map[string]bool // ids of the events that the last look met
}

// follow tells of ends until the user has had enough. A store that was there once may be away for a while.
func (f *follower) follow(i *invocation, tell func(outbox.Event) error) error {
	for looked, away := false, false; i.ctx.Err() == nil; {
		err := f.look(i.ctx, tell)
		store := (*imports.Error)(nil)
		switch {
		case i.ctx.Err() != nil:
			return nil
		case err == nil:
			looked, away = true, false
		case !looked || !errors.As(err, &store) || store.Kind != imports.Unavailable:
			return err
		case !away:
			away = true
			fmt.Fprintln(i.stderr, "signpost: the store does not answer; it is asked again until it does")
		}
		select {
		case <-time.After(tailEvery):
		case <-i.ctx.Done():
		}
	}
	return nil
}

// look tells of what has ended, in order. What is written while it looks, it may miss and the next look finds.
func (f *follower) look(ctx context.Context, tell func(outbox.Event) error) error {
	const doubt = 2 * time.Second // a store's times are whole seconds
	oldest := f.since.Add(-doubt - 2*max(f.service.Limits.JobTTL, f.service.Limits.URLTTL))
	newest, found, met := f.last, []outbox.Event(nil), map[string]bool{}
	err := f.service.Owners(ctx, "", func(owner string) error {
		last, err := f.service.EachTerminal(ctx, owner, oldest, f.since.Add(-doubt), func(j imports.Job, written time.Time) error {
			e, err := outbox.EventFor(j, f.service.Bucket.Name(), written)
			met[e.ID] = true
			if err == nil && !f.told[e.ID] {
				found = append(found, e)
			}
			return err
		})
		if last.After(newest) {
			newest = last
		}
		return err
	})
	if err != nil {
		return err
	}
	f.since, f.last, f.told = f.last, newest, met // what is older than that, no look meets again
	slices.SortStableFunc(found, func(a, b outbox.Event) int { return a.Time.Compare(b.Time) })
	for _, e := range found {
		if err := tell(e); err != nil {
			return err
		}
	}
	return nil
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
	config.Config
	JSON bool `name:"json" help:"Print an event a line as JSON, with what kept it from being delivered."`
}

// Help is what events dead --help says before its flags.
func (deadCmd) Help() string {
	return "It takes the settings of serve. The oldest comes first, with its id, when it was given up and why. signpost events redeliver has " +
		"them sent again."
}

const noneGivenUp = "no event was given up"

func (d deadCmd) Run(i *invocation) error {
	return withBucket(i, d.Config, func(_ aws.Config, store *bucket.Bucket, _ config.Config) error {
		found := 0
		box := outbox.Outbox{Bucket: store}
		err := box.EachDead(i.ctx, func(dead outbox.Dead) error {
			found++
			if d.JSON {
				text, err := json.Marshal(dead)
				fmt.Fprintf(i.stdout, "%s\n", text)
				return err
			}
			fmt.Fprintf(i.stdout, "%s  %s\n", shown(dead.Event.ID), when(&dead.Since))
			if err := printEvent(i.stdout, dead.Event, false); err != nil {
				return err
			}
			fmt.Fprintf(i.stdout, "  given up after %s: %s\n", counted(dead.Attempts, "attempt"), shown(dead.Failure))
			return nil
		})
		if found == 0 && err == nil && !d.JSON {
			fmt.Fprintln(i.stdout, noneGivenUp)
		}
		return err
	})
}

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
		box := outbox.Outbox{Bucket: store, Now: time.Now}
		n, err := box.Redeliver(i.ctx, r.ID)
		switch {
		case n == 0 && err == nil && !r.All:
			return fmt.Errorf("%s was not given up, or is no event; signpost events dead lists those that were", shown(r.ID))
		case n == 0 && err == nil:
			fmt.Fprintln(i.stdout, noneGivenUp)
		case n > 0:
			fmt.Fprintf(i.stdout, "the service sends %s again, with its next sweep\n", counted(n, "event"))
		}
		return err
	})
}
