package doctor

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/hostport"
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
	rules, err := d.store.Lifecycle(ctx)
	if err != nil {
		return unread(err, "s3:GetLifecycleConfiguration",
			"the store has no lifecycle rules: parts of abandoned uploads and old records are never removed",
			"run a scheduled job that aborts old uploads under imports/ and deletes old records under "+named)
	}
	var faults []string
	if !slices.ContainsFunc(rules, func(r bucket.LifecycleRule) bool { return r.Aborts && covers(r, "imports/") }) {
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
	return pass("abandoned uploads and old records are removed; %s", ends)
}

// covers reports whether r applies to all keys with prefix.
func covers(r bucket.LifecycleRule, prefix string) bool {
	return !r.Filtered && strings.HasPrefix(prefix, r.Prefix)
}

// touches reports whether r applies to any key with prefix.
func touches(r bucket.LifecycleRule, prefix string) bool {
	return strings.HasPrefix(prefix, r.Prefix) || strings.HasPrefix(r.Prefix, prefix)
}

// cors checks that pages of CORSOrigins may upload, and no others.
func (d *doctor) cors(ctx context.Context) Finding {
	origins := d.CORSOrigins
	rules, err := d.store.CORS(ctx)
	switch {
	case err != nil && bucket.Unsupported(err) && len(origins) == 0:
		return pass("no browser origins are set; the store has no CORS rules")
	case err != nil:
		return unread(err, "s3:GetBucketCORS", "the store has no CORS rules per bucket",
			"allow the origins in the store's settings, or in a proxy in front of it")
	case len(rules) == 0 && len(origins) == 0:
		return pass("no browser origins are set")
	}
	var broken, faults []string
	for _, origin := range origins {
		lacking := slices.DeleteFunc([]string{"PUT", "POST", "GET"}, func(method string) bool {
			return matchingRule(rules, origin, method) != nil
		})
		if len(lacking) > 0 {
			broken = append(broken, "no rule allows "+strings.Join(lacking, ", ")+" for "+origin)
			continue
		}
		put := matchingRule(rules, origin, "PUT")
		if !slices.ContainsFunc(put.ExposeHeaders, func(h string) bool { return strings.EqualFold(h, "ETag") }) {
			faults = append(faults, "no rule exposes ETag to "+origin)
		}
		if !slices.Contains(put.AllowedHeaders, "*") {
			faults = append(faults, "no rule allows all headers for "+origin)
		}
	}
	for _, rule := range rules {
		for _, origin := range rule.AllowedOrigins {
			if !slices.Contains(origins, origin) && !(isLocal(d.store.Origin()) && isLocal(origin)) {
				faults = append(faults, fmt.Sprintf("%s is allowed, but is not in %s", origin, d.Names.CORSOrigins))
			}
		}
	}
	want := bucket.CORSRule(origins)
	f := warn(strings.Join(append(broken, faults...), "; "),
		fmt.Sprintf("add one CORS rule: exactly these origins, methods %s, all headers (%s), exposed %s",
			strings.Join(want.AllowedMethods, ", "), strings.Join(want.AllowedHeaders, ", "),
			strings.Join(want.ExposeHeaders, ", ")))
	switch {
	case len(broken) > 0:
		f.Mark = Fail
	case len(faults) == 0 && len(origins) == 0:
		return pass("only origins of this machine are allowed")
	case len(faults) == 0:
		return pass("only %s allowed, as configured", strings.Join(origins, ", "))
	}
	return f
}

// isLocal reports whether origin is on loopback.
func isLocal(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && hostport.IsLoopback(u.Hostname())
}

// matchingRule returns the rule that S3 applies to a request of origin with method: the first that matches, or nil.
func matchingRule(rules []types.CORSRule, origin, method string) *types.CORSRule {
	matches := func(pattern string) bool {
		before, after, wild := strings.Cut(pattern, "*")
		return pattern == origin || wild && len(origin) >= len(before)+len(after) &&
			strings.HasPrefix(origin, before) && strings.HasSuffix(origin, after)
	}
	for i, rule := range rules {
		if slices.Contains(rule.AllowedMethods, method) && slices.ContainsFunc(rule.AllowedOrigins, matches) {
			return &rules[i]
		}
	}
	return nil
}
