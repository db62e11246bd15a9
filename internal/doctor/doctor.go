// Package doctor checks that a bucket supports what the service needs, and explains how to fix what it lacks.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
)

// Mark is the result of a check.
type Mark string

const (
	Pass Mark = "pass"
	Warn Mark = "warn" // the service works, with limitations
	Fail Mark = "FAIL" // the service does not work, or not as documented
	Skip Mark = "skip" // it was not checked
)

// Finding is what one check found. A warning or a failure has a remedy. It contains no signed query.
type Finding struct {
	Check  string `json:"check"`
	Mark   Mark   `json:"mark"`
	Found  string `json:"found"`
	Remedy string `json:"remedy,omitempty"`
}

func pass(format string, args ...any) Finding {
	return Finding{Mark: Pass, Found: fmt.Sprintf(format, args...)}
}

func warn(found, remedy string) Finding { return Finding{Mark: Warn, Found: found, Remedy: remedy} }
func fail(found, remedy string) Finding { return Finding{Mark: Fail, Found: found, Remedy: remedy} }
func skip(why string) Finding           { return Finding{Mark: Skip, Found: why} }

// Time limits of one check: of a few calls, of small uploads, and of 5 MiB up and down over a slow connection.
const (
	callLimit      = 20 * time.Second
	uploadLimit    = 45 * time.Second
	roundTripLimit = 4 * time.Minute
)

// check is one row. If dependent, it is skipped unless credentials, bucket and clock are fine.
type check struct {
	name      string
	limit     time.Duration
	dependent bool
	run       func(*doctor, context.Context) Finding
}

// doctor is the state of one run of all checks.
type doctor struct {
	Options
	settings       aws.Config
	local          bool
	inspection     bucket.Inspection
	obstacle       string // why dependent checks are skipped
	signedURLsFail bool   // signed URLs do not work
	multipartFails bool   // multipart uploads do not work
	probe                 // its store is set by the check of the bucket
}

// checks are all checks, in their order.
var checks = []check{
	{"credentials", callLimit, false, (*doctor).credentials},
	{"bucket", callLimit, false, (*doctor).bucket},
	{"region", callLimit, false, (*doctor).region},
	{"clock", callLimit, false, (*doctor).clock},
	{"lifecycle rules", callLimit, true, (*doctor).lifecycle},
	{"CORS rules", uploadLimit, true, (*doctor).cors},
	{"conditional writes", callLimit, true, (*doctor).conditions},
	{"lists", callLimit, true, (*doctor).objectLists},
	{"signing rights", callLimit, true, (*doctor).signingRights},
	{"checksums", uploadLimit, true, (*doctor).checksums},
	{"signed URLs", uploadLimit, true, (*doctor).signedURLs},
	{"forms", uploadLimit, true, (*doctor).forms},
	{"unsigned headers", uploadLimit, true, (*doctor).unsigned},
	{"multipart", roundTripLimit, true, (*doctor).multipart},
	{"part checksums", roundTripLimit, true, (*doctor).partChecksums},
	{"object checksums", uploadLimit, true, (*doctor).objectChecksums},
	{"repeated parts", uploadLimit, true, (*doctor).repeatedParts},
	{"many parts", roundTripLimit, true, (*doctor).manyParts},
	{"upload lists", callLimit, true, (*doctor).uploadLists},
	{"leftovers", callLimit, true, (*doctor).leftovers},
}

// Examine checks whether the bucket supports what the service needs, and reports each finding at once. It reads the AWS
// configuration from the SDK's chain, unless local is that of a local store. It removes what it wrote, also if ctx ends
// early.
func Examine(ctx context.Context, o Options, local *aws.Config, report func(Finding)) {
	examine(ctx, o, local, checks, report)
}

func examine(ctx context.Context, o Options, local *aws.Config, checks []check, report func(Finding)) {
	d := &doctor{Options: o}
	if local != nil {
		d.settings, d.local = *local, true
	}
	cut := false
	for _, check := range checks {
		f, inTime := d.perform(ctx, check)
		cut = cut || !inTime
		f.Check = check.name
		report(f)
	}
	if err := d.clean(ctx, cut); err != nil {
		report(Finding{"cleanup", Warn, "some objects of these checks were not removed: " + Cause(err),
			"grant s3:DeleteObject and s3:AbortMultipartUpload, and delete the objects under doctor/ in " +
				"imports/, jobs/, idem/, outbox/ and sweep/"})
	}
}

// perform runs one check, and reports whether it ended before its time limit.
func (d *doctor) perform(ctx context.Context, c check) (f Finding, inTime bool) {
	const interrupted = "interrupted"
	switch {
	case ctx.Err() != nil:
		return skip(interrupted), true
	case c.dependent && d.obstacle != "":
		return skip(d.obstacle), true
	}
	limited, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	f = c.run(d, limited)
	if ctx.Err() != nil {
		return skip(interrupted), false
	}
	return f, limited.Err() == nil
}

// failedCall returns the finding about err, which occurred while doing something that requires the permission action.
func failedCall(doing string, err error, action string) Finding {
	f := fail(doing+": "+Cause(err), "check that the store works, and that the credentials have "+action)
	switch {
	case bucket.Unsupported(err):
		f.Remedy = "use a store, or a version of it, that supports this call"
	case errors.Is(err, bucket.ErrForbidden):
		f.Remedy = "grant " + action
	}
	return f
}

// unread returns the finding about a setting of the bucket that cannot be read. The service works without it.
func unread(err error, action, lacking, remedy string) Finding {
	switch {
	case bucket.Unsupported(err):
		return warn(lacking, remedy)
	case errors.Is(err, bucket.ErrForbidden):
		return warn("access denied: the credentials lack "+action,
			"grant "+action+" for this check, or check the bucket by hand")
	}
	return warn("cannot be read: "+Cause(err), "try again later")
}

// Cause returns in a few words why a call failed.
func Cause(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "the store did not respond in time"
	case errors.Is(err, bucket.ErrForbidden):
		return "access denied"
	}
	return strings.TrimPrefix(config.Innermost(err).Error(), "api error ")
}

// Explain returns in one line why a bucket cannot be used and, after "; ", what to do.
func (n Names) Explain(err error) string {
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return "this bucket does not exist at this endpoint; create it, or correct the name or " + n.Region
	case errors.Is(err, bucket.ErrForbidden):
		return "access denied; check the credentials, and grant s3:ListBucket on the bucket"
	case errors.Is(err, bucket.ErrCredentialsExpired):
		return "the credentials have expired, or cannot be loaded: " + config.Innermost(err).Error() + "; renew them"
	case errors.Is(err, context.DeadlineExceeded):
		return "the store does not respond; check the endpoint and " + n.Region
	case errors.Is(err, bucket.ErrUnavailable):
		return "the store cannot be reached: " + config.Innermost(err).Error() +
			fmt.Sprintf("; check %s (%s for the local store) and that the store runs", n.Endpoint, n.LocalListen)
	}
	return fmt.Sprintf("the store returned %q; check the name, %s and the endpoint", config.Innermost(err), n.Region)
}
