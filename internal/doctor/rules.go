package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
)

// lifecycle checks that rules abort abandoned uploads and expire old records, but not those that can still be resumed.
func (d *doctor) lifecycle(ctx context.Context) Finding {
	records, named := []string{"jobs/", "idem/"}, "jobs/ and idem/"
	if d.Events { // dead events stay otherwise
		records, named = append(records, "outbox/"), "jobs/, idem/ and outbox/"
	}
	ttl := config.FormatDuration(d.JobTTL)
	remedy := fmt.Sprintf("add rules that abort incomplete uploads under imports/, and expire %s, "+
		"each no sooner than %s after", named, ttl)
	removed := "abandoned uploads and old records are removed"
	if d.isMinIO() { // it refuses rules that abort uploads
		removed = "old records are removed; MinIO itself aborts uploads, after 24h unless its stale_uploads_expiry is longer"
		remedy = fmt.Sprintf("add rules that expire %s, each no sooner than %s after, and run mc admin config set ALIAS api "+
			"stale_uploads_expiry=%s: MinIO aborts uploads itself, by default after 24h", named, ttl, ttl)
	}
	rules, err := d.store.Lifecycle(ctx)
	if err != nil {
		return unread(err, "s3:GetLifecycleConfiguration",
			"the store has no lifecycle rules: parts of abandoned uploads and old records are never removed",
			scheduledJob(named))
	}
	if len(rules) == 0 && !d.isMinIO() && !bucket.OnAWS(d.settings) { // some stores list none, and take none
		remedy += "; if the store takes none, " + scheduledJob(named)
	}
	var faults []string
	aborts := slices.ContainsFunc(rules, func(r bucket.LifecycleRule) bool { return r.Aborts && covers(r, "imports/") })
	if !aborts && !d.isMinIO() {
		faults = append(faults, "no rule aborts incomplete uploads under imports/")
	}
	for _, prefix := range records {
		if !slices.ContainsFunc(rules, func(r bucket.LifecycleRule) bool { return r.Expires && covers(r, prefix) }) {
			faults = append(faults, "no rule expires "+prefix)
		}
	}
	ends := "objects do not expire"
	for _, r := range rules {
		if r.Aborts && r.AbortAfter < d.JobTTL && touches(r, "imports/") {
			faults = append(faults, fmt.Sprintf("a rule aborts uploads under %q after %s, sooner than %s=%s",
				r.Prefix, config.FormatDuration(r.AbortAfter), d.Names.JobTTL, ttl))
		}
		for _, prefix := range append([]string{"imports/"}, records...) {
			switch {
			case !r.Expires || !touches(r, prefix):
			case r.ExpireAfter < d.JobTTL:
				faults = append(faults, fmt.Sprintf("a rule expires %s after %s, sooner than %s=%s",
					prefix, config.FormatDuration(r.ExpireAfter), d.Names.JobTTL, ttl))
			case prefix == "imports/":
				ends = "objects expire after " + config.FormatDuration(r.ExpireAfter)
			}
		}
	}
	if len(faults) > 0 {
		return warn(strings.Join(faults, "; "), remedy)
	}
	return pass("%s; %s", removed, ends)
}

// scheduledJob is the remedy for stores without rules.
func scheduledJob(named string) string {
	return "run a scheduled job that aborts old uploads under imports/ and deletes old records under " + named
}

// covers reports whether r applies to all keys with prefix.
func covers(r bucket.LifecycleRule, prefix string) bool {
	return !r.Filtered && strings.HasPrefix(prefix, r.Prefix)
}

// touches reports whether r applies to any key with prefix.
func touches(r bucket.LifecycleRule, prefix string) bool {
	return strings.HasPrefix(prefix, r.Prefix) || strings.HasPrefix(r.Prefix, prefix)
}
