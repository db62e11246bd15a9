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
	Since time.Duration `placeholder:"DURATION" help:"Include events of this last period, such as 1h (default: none)."`
	JSON  bool          `name:"json" help:"Print one event per line as JSON."`
}

// Help returns the text before the flags in events tail --help.
func (tailCmd) Help() string {
	return "Use the settings of serve. The command lists the imports of the last two weeks (twice the job TTL) every " +
		"two seconds, a thousand per call. It does not affect deliveries to receivers. An upload in one request appears " +
		"after the store's notification, or after the import is read. Untracked imports do not appear. Stop with Ctrl-C."
}

// tailInterval is the time between two listings of the bucket.
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

// follower finds records that were written since its previous polls.
type follower struct {
	service *imports.Service
	// last is the time of the newest record in the last poll, since that of the poll before.
	since, last time.Time
	reported    map[string]bool // ids of the events in the last poll
}

// follow reports events until an interrupt. After the first successful poll it retries while the store is unavailable.
func (f *follower) follow(i *invocation, handle func(outbox.Event) error) error {
	for succeeded, unavailable := false, false; i.ctx.Err() == nil; {
		err := f.poll(i.ctx, handle)
		store := (*imports.Error)(nil)
		switch {
		case i.ctx.Err() != nil:
			return nil
		case err == nil:
			succeeded, unavailable = true, false
		case !succeeded || !errors.As(err, &store) || store.Kind != imports.Unavailable:
			return err
		case !unavailable:
			unavailable = true
			fmt.Fprintln(i.stderr, "signpost: the store is unavailable; retrying")
		}
		select {
		case <-time.After(tailInterval):
		case <-i.ctx.Done():
		}
	}
	return nil
}

// poll reports new events in order. The next poll finds records that are written during this one.
func (f *follower) poll(ctx context.Context, handle func(outbox.Event) error) error {
	const precision = 2 * time.Second // a store's times are whole seconds
	oldest := f.since.Add(-precision - 2*max(f.service.Limits.JobTTL, f.service.Limits.URLTTL))
	newest, found, seen := f.last, []outbox.Event(nil), map[string]bool{}
	err := f.service.Owners(ctx, "", func(owner string) error {
		add := func(j imports.Job, written time.Time) error {
			e, err := outbox.EventFor(j, f.service.Bucket.Name(), written)
			seen[e.ID] = true
			if err == nil && !f.reported[e.ID] {
				found = append(found, e)
			}
			return err
		}
		last, err := f.service.EachTerminal(ctx, owner, oldest, f.since.Add(-precision), add)
		if last.After(newest) {
			newest = last
		}
		return err
	})
	if err != nil {
		return err
	}
	f.since, f.last, f.reported = f.last, newest, seen // later polls find no older records
	slices.SortStableFunc(found, func(a, b outbox.Event) int { return a.Time.Compare(b.Time) })
	for _, e := range found {
		if err := handle(e); err != nil {
			return err
		}
	}
	return nil
}
