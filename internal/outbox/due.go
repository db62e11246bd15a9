package outbox

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	// pageSize is the maximum number of keys in a list response of S3.
	pageSize = 1000
	// eachDue lists at most oldestPages of the oldest entries and randomPages from random times on. Otherwise an owner
	// could cause so many events that listing them takes all the time of a function. 40 pages take a function of 256 MB
	// about 5 s.
	oldestPages = 10
	randomPages = 30
)

// eachDue calls f for due entries, the oldest first. If there are too many, each call lists others.
func (o *Outbox) eachDue(ctx context.Context, f func(key string, l lane)) error {
	now, end := o.Now(), listingEnd(ctx)
	last, after, jumps := now.Add(-giveUpAfter), pendingPrefix, []string(nil)
	for n, more := 0, true; more && n < oldestPages+randomPages && (n == 0 || time.Now().Before(end)); n++ {
		if n == oldestPages {
			jumps = randomKeys(last, now)
		}
		if n >= oldestPages {
			after = max(after, jumps[n-oldestPages])
		}
		keys, truncated, err := o.Bucket.List(ctx, pendingPrefix, after, pageSize)
		if err != nil {
			return fmt.Errorf("list the outbox: %w", err)
		}
		for _, key := range keys {
			after = key
			due, _, l, ok := parseKey(key)
			if due.After(now) || key >= deadPrefix {
				return nil
			}
			if ok {
				last = due
				f(key, l)
			}
		}
		more = truncated && len(keys) > 0
	}
	return nil
}

// listingEnd returns the time at which eachDue stops listing. Half of the time before the deadline of ctx is for the
// attempts.
func listingEnd(ctx context.Context) time.Time {
	end, ends := ctx.Deadline()
	if !ends {
		return time.Now().Add(24 * time.Hour)
	}
	return time.Now().Add((time.Until(end) - minTimeLeft) / 2)
}

// randomKeys returns the keys of random times in that period, in ascending order. Random times find an entry even if
// there are many more at other times.
func randomKeys(from, to time.Time) []string {
	keys := make([]string, randomPages)
	for i := range keys {
		at := from.Add(rand.N(max(1, to.Sub(from))))
		keys[i] = pendingPrefix + at.UTC().Format(dueLayout)
	}
	slices.Sort(keys)
	return keys
}
