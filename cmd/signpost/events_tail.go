package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/assembly"
	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/outbox"
)

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
const tailInterval = 2 * time.Second

func (t tailCmd) Run(i *invocation) error {
	if t.Since < 0 {
		return usageError{errors.New("--since: must be a duration such as 1h")}
	}
	return withBucket(i, t.Config, func(_ aws.Config, store *bucket.Bucket, c config.Config) error {
		since := time.Now().Add(-t.Since)
		f := follower{service: assembly.NewImports(c, store), since: since, last: since, reported: map[string]bool{}}
		return f.follow(i, func(e outbox.Event) error { return printEvent(i.stdout, e, t.JSON) })
	})
}

// follower looks for records that were written since it looked before.
type follower struct {
	service     *imports.Service
	since, last time.Time       // of the newest record that was there before the last look, and in it
	reported    map[string]bool // ids of the events that the last look met
}

// follow tells of ends until the user has had enough. A store that was there once may be away for a while.
func (f *follower) follow(i *invocation, tell func(outbox.Event) error) error {
	for looked, away := false, false; i.ctx.Err() == nil; {
		err := f.poll(i.ctx, tell)
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
		case <-time.After(tailInterval):
		case <-i.ctx.Done():
		}
	}
	return nil
}

// look tells of what has ended, in order. What is written while it looks, it may miss and the next look finds.
func (f *follower) poll(ctx context.Context, tell func(outbox.Event) error) error {
	const doubt = 2 * time.Second // a store's times are whole seconds
	oldest := f.since.Add(-doubt - 2*max(f.service.Limits.JobTTL, f.service.Limits.URLTTL))
	newest, found, met := f.last, []outbox.Event(nil), map[string]bool{}
	err := f.service.Owners(ctx, "", func(owner string) error {
		last, err := f.service.EachTerminal(ctx, owner, oldest, f.since.Add(-doubt), func(j imports.Job, written time.Time) error {
			e, err := outbox.EventFor(j, f.service.Bucket.Name(), written)
			met[e.ID] = true
			if err == nil && !f.reported[e.ID] {
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
	f.since, f.last, f.reported = f.last, newest, met // what is older than that, no look meets again
	slices.SortStableFunc(found, func(a, b outbox.Event) int { return a.Time.Compare(b.Time) })
	for _, e := range found {
		if err := tell(e); err != nil {
			return err
		}
	}
	return nil
}
