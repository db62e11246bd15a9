package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
)

// Limits on the difference of the clocks. S3 refuses signatures that are 15 minutes off, and a smaller difference
// already shortens a URL.
const (
	slightSkew = time.Minute
	fatalSkew  = 15 * time.Minute
)

// credentials checks that there are credentials, and that they outlast the URLs that they sign.
func (d *doctor) credentials(ctx context.Context) Finding {
	d.obstacle = "there are no credentials"
	if !d.local {
		loaded, err := awsconfig.LoadDefaultConfig(ctx)
		if err != nil {
			return Finding{Mark: Fail, Found: "AWS settings: " + Cause(err), Remedy: "mend AWS_PROFILE, or the files in ~/.aws"}
		}
		d.settings = loaded
	}
	d.settings.Logger = logging.Nop{} // the SDK's warnings about a store without checksums
	if d.web = d.settings.HTTPClient; d.web == nil {
		d.web = awshttp.NewBuildableClient()
	}
	c, err := d.settings.Credentials.Retrieve(ctx)
	if err != nil {
		return Finding{Mark: Fail, Found: "none: " + Cause(err),
			Remedy: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run with a role"}
	}
	source, _, _ := strings.Cut(c.Source, ":") // what follows may be a path
	origin := fmt.Sprintf("found (%s)", source)
	if d.local {
		origin = "the local store's own"
	}
	left := time.Until(c.Expires)
	if c.CanExpire && left < time.Second {
		found := fmt.Sprintf("%s, but they ended at %s", origin, c.Expires.UTC().Format(time.RFC3339))
		return Finding{Mark: Fail, Found: found, Remedy: "renew them"}
	}
	d.obstacle = ""
	switch {
	case c.CanExpire && left < d.config.URLTTL:
		found := fmt.Sprintf("%s; they end in %s, and URLs with them, before SIGNPOST_URL_TTL=%s",
			origin, config.FormatDuration(left.Round(time.Second)), config.FormatDuration(d.config.URLTTL))
		return Finding{Mark: Warn, Found: found, Remedy: "give the role longer sessions, or lower SIGNPOST_URL_TTL"}
	case !c.CanExpire && c.SessionToken != "":
		return Finding{Mark: Warn,
			Found: origin + ", a session without a known end; URLs end with it, and expires_at may be too late",
			Remedy: "have the SDK fetch credentials (AWS_PROFILE, a role), " +
				"or keep SIGNPOST_URL_TTL well below the session's life"}
	case c.CanExpire:
		return pass("%s, good for another %s", origin, config.FormatDuration(left.Round(time.Second)))
	}
	return pass("%s, without an end", origin)
}

func bucketOptions(c config.Config, settings aws.Config) bucket.Options {
	return bucket.Options{
		Name: c.Bucket, AWS: settings, PublicEndpoint: c.PublicEndpoint, PathStyle: c.PathStyle,
		Signing: c.SigningCredentials(settings, bucket.OnAWS(settings)),
	}
}

// bucket checks that the bucket exists, and that the credentials give access.
func (d *doctor) bucket(ctx context.Context) Finding {
	if d.obstacle != "" {
		return skip(d.obstacle)
	}
	d.obstacle = "the bucket is out of reach"
	if d.settings.Region == "" {
		return Finding{Mark: Fail, Found: "AWS_REGION is not set",
			Remedy: "name the bucket's region, such as eu-west-1 (us-east-1 for most other stores)"}
	}
	store, err := bucket.Open(ctx, bucketOptions(d.config, d.settings))
	if err != nil {
		return Finding{Mark: Fail, Found: "the store's address: " + Cause(err),
			Remedy: "mend AWS_ENDPOINT_URL_S3 or SIGNPOST_PUBLIC_ENDPOINT"}
	}
	if d.sight, err = store.Inspect(ctx); err != nil {
		found, remedy, _ := strings.Cut(Explain(err), "; ")
		return Finding{Mark: Fail, Found: d.config.Bucket + ": " + found, Remedy: remedy}
	}
	d.store, d.obstacle = store, ""
	return pass("%s answers", d.config.Bucket)
}

// region compares the configured region with the bucket's. A store that accepts another in signatures may report a
// wrong one.
func (d *doctor) region(context.Context) Finding {
	ours, told := d.settings.Region, d.sight.Region
	switch {
	case !d.sight.Answered:
		return skip(d.obstacle)
	case told == "" && d.store == nil:
		return skip("the store tells none when it refuses")
	case told == "":
		return pass("%s is set; the store tells none", ours)
	case told == ours:
		return pass("%s, as set", ours)
	}
	f := Finding{Mark: Fail, Found: fmt.Sprintf("the bucket is in %s, but %s is set", told, ours),
		Remedy: "set AWS_REGION=" + told}
	if d.store != nil {
		f.Mark, f.Found = Warn, f.Found+" (and works)"
	}
	return f
}

// clock compares this machine's clock with the store's.
func (d *doctor) clock(context.Context) Finding {
	skew, side := d.sight.ClockAhead.Abs(), "behind"
	if d.sight.ClockAhead < 0 {
		side = "ahead of"
	}
	difference := config.FormatDuration(skew.Round(time.Second))
	const remedy = "set this machine's clock, and keep it right with NTP"
	switch {
	case !d.sight.Answered:
		return skip(d.obstacle)
	case !d.sight.HasDate:
		return Finding{Mark: Warn, Found: "the store tells no time", Remedy: "make sure that this machine's clock is right"}
	case skew > fatalSkew:
		d.obstacle = "the clocks are too far apart"
		found := fmt.Sprintf("%s %s the store's; signatures are refused from %s on",
			difference, side, config.FormatDuration(fatalSkew))
		return Finding{Mark: Fail, Found: found, Remedy: remedy}
	case skew > slightSkew:
		found := fmt.Sprintf("%s %s the store's, by which signed URLs begin or end wrongly", difference, side)
		return Finding{Mark: Warn, Found: found, Remedy: remedy}
	case skew <= time.Second:
		return pass("as the store's, to the second")
	}
	return pass("%s %s the store's", difference, side)
}
