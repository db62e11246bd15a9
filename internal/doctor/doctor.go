// Package doctor checks that a bucket supports what the service needs, and explains how to fix what it lacks.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signpost-s3/signpost/internal/config"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// Mark is what a check came to.
type Mark string

const (
	Pass Mark = "pass"
	Warn Mark = "warn" // the service works, with less than it could promise
	Fail Mark = "FAIL" // the service does not work, or not as it says
	Skip Mark = "skip" // nothing was found out
)

// Finding is what one check found. A warning or a failure has a remedy. It holds no signed query.
type Finding struct {
	Mark                 Mark
	Check, Found, Remedy string
}

func pass(format string, args ...any) Finding {
	return Finding{Mark: Pass, Found: fmt.Sprintf(format, args...)}
}

func skip(why string) Finding { return Finding{Mark: Skip, Found: why} }

// Limits on one check: of a few calls, of small uploads, and of 5 MiB there and back over a slow line.
const (
	askLimit       = 20 * time.Second
	uploadLimit    = 45 * time.Second
	roundTripLimit = 4 * time.Minute
)

// check is one row. A needy one is pointless unless all is well with credentials, bucket and clock.
type check struct {
	name  string
	limit time.Duration
	needy bool
	run   func(*doctor, context.Context) Finding
}

// doctor is one examination.
type doctor struct {
	config   config.Config
	settings aws.Config
	local    bool
	sight    bucket.Inspection
	obstacle string // why the needy checks are pointless
	urlless  bool   // signed URLs do not work
	partless bool   // nor do uploads in parts
	probe           // its store is there from the check of the bucket on
}

// Examine tries whether the bucket that c names does what the service needs of it, and reports each finding as it is made. It
// takes AWS settings from the SDK's chain, or those of a local store. What it writes there it removes, also when ctx ends early.
func Examine(ctx context.Context, c config.Config, local *aws.Config, report func(Finding)) {
	d := &doctor{config: c}
	if local != nil {
		d.settings, d.local = *local, true
	}
	cut := false
	for _, check := range []check{
		{"credentials", askLimit, false, (*doctor).credentials},
		{"bucket", askLimit, false, (*doctor).bucket},
		{"region", askLimit, false, (*doctor).region},
		{"clock", askLimit, false, (*doctor).clock},
		{"lifecycle rules", askLimit, true, (*doctor).lifecycle},
		{"CORS rules", askLimit, true, (*doctor).cors},
		{"conditional writes", askLimit, true, (*doctor).conditions},
		{"signing rights", askLimit, true, (*doctor).signingRights},
		{"checksums", uploadLimit, true, (*doctor).checksums},
		{"signed URLs", uploadLimit, true, (*doctor).signedURLs},
		{"unsigned headers", uploadLimit, true, (*doctor).unsigned},
		{"multipart", roundTripLimit, true, (*doctor).multipart},
		{"part checksums", roundTripLimit, true, (*doctor).partChecksums},
		{"many parts", roundTripLimit, true, (*doctor).manyParts},
		{"leftovers", askLimit, true, (*doctor).leftovers},
	} {
		f, inTime := d.perform(ctx, check)
		cut = cut || !inTime
		f.Check = check.name
		report(f)
	}
	if err := d.clean(ctx, cut); err != nil {
		report(Finding{Warn, "scratch", "not all that was written for these checks could be removed: " + Cause(err),
			"delete what is left under doctor/ in imports/, jobs/, idem/, outbox/ and sweep/ (s3:DeleteObject, s3:AbortMultipartUpload)"})
	}
}

// perform runs one check, and reports whether it was not cut short.
func (d *doctor) perform(ctx context.Context, c check) (f Finding, inTime bool) {
	const interrupted = "interrupted"
	switch {
	case ctx.Err() != nil:
		return skip(interrupted), true
	case c.needy && d.obstacle != "":
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

// fail is the finding about err, met while doing something that needs action.
func fail(doing string, err error, action string) Finding {
	f := Finding{Mark: Fail, Found: doing + ": " + Cause(err), Remedy: "look at the store, and whether the credentials have " + action}
	switch {
	case bucket.Unsupported(err):
		f.Remedy = "use a store, or a version of it, that knows this call"
	case errors.Is(err, bucket.ErrForbidden):
		f.Remedy = "grant " + action
	}
	return f
}

// unread is the finding about a setting of the bucket that cannot be read. Nothing depends on reading it.
func unread(err error, action, lacking, remedy string) Finding {
	switch {
	case bucket.Unsupported(err):
		return Finding{Mark: Warn, Found: lacking, Remedy: remedy}
	case errors.Is(err, bucket.ErrForbidden):
		return Finding{Mark: Warn, Found: "access denied: the credentials lack " + action, Remedy: "grant " + action + " for this check, or see for yourself"}
	}
	return Finding{Mark: Warn, Found: "not to be read: " + Cause(err), Remedy: "try again later"}
}

// Cause returns in a few words why a call failed.
func Cause(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "the store does not answer in time"
	case errors.Is(err, bucket.ErrForbidden):
		return "access denied"
	}
	return strings.TrimPrefix(config.Innermost(err).Error(), "api error ")
}

// Explain returns in one line why a bucket cannot be used and, after "; ", what to do.
func Explain(err error) string {
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return "there is no such bucket at this endpoint; create it, or mend the name or AWS_REGION"
	case errors.Is(err, bucket.ErrForbidden):
		return "access denied; the credentials are wrong, or lack s3:ListBucket on it"
	case errors.Is(err, bucket.ErrCredentialsExpired):
		return "the credentials have ended, or cannot be had: " + config.Innermost(err).Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "the store does not answer; look at the endpoint, or at AWS_REGION"
	case errors.Is(err, bucket.ErrUnavailable):
		return "the store cannot be reached: " + config.Innermost(err).Error() + "; check AWS_ENDPOINT_URL_S3 (SIGNPOST_LOCAL_LISTEN for the local store) " +
			"and that the store runs"
	}
	return fmt.Sprintf("the store says %q; look at the name, at AWS_REGION and at the endpoint", config.Innermost(err))
}
