package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

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
	d.obstacle = "no credentials were found"
	if !d.local {
		loaded, err := awsconfig.LoadDefaultConfig(ctx, config.Quiet)
		if err != nil {
			return fail("AWS settings: "+Cause(err), "correct "+d.Names.Profile+", or the files in ~/.aws")
		}
		d.settings = loaded
	}
	d.settings.Logger = logging.Nop{} // the SDK's warnings about a store without checksums
	d.probe = newProbe(d.settings, d.sleep)
	c, err := d.settings.Credentials.Retrieve(ctx)
	if err != nil {
		return fail("not found: "+Cause(err), "set "+d.Names.Keys+", or "+d.Names.Profile+", or run with a role")
	}
	source, _, _ := strings.Cut(c.Source, ":") // what follows may be a path
	origin := fmt.Sprintf("found (%s)", source)
	if d.local {
		origin = "of the local store"
	}
	left := time.Until(c.Expires)
	if c.CanExpire && left < time.Second {
		return fail(fmt.Sprintf("%s, but they expired at %s", origin, c.Expires.UTC().Format(time.RFC3339)), "renew them")
	}
	d.obstacle = ""
	switch {
	case c.CanExpire && left < d.URLTTL:
		found := fmt.Sprintf("%s; they and their URLs expire in %s, before %s=%s",
			origin, config.FormatDuration(left.Round(time.Second)), d.Names.URLTTL, config.FormatDuration(d.URLTTL))
		return warn(found, "give the role longer sessions, or lower "+d.Names.URLTTL)
	case !c.CanExpire && c.SessionToken != "":
		return warn(origin+", a session of unknown lifetime; URLs expire with it, so expires_at may be too late",
			fmt.Sprintf("have the SDK fetch credentials (%s, a role), or keep %s well below the session's lifetime",
				d.Names.Profile, d.Names.URLTTL))
	case c.CanExpire:
		return pass("%s, valid for another %s", origin, config.FormatDuration(left.Round(time.Second)))
	}
	return pass("%s, without an expiry", origin)
}

// bucket checks that the bucket exists, and that the credentials give access.
func (d *doctor) bucket(ctx context.Context) Finding {
	if d.obstacle != "" {
		return skip(d.obstacle)
	}
	d.obstacle = "the bucket cannot be accessed"
	if d.settings.Region == "" {
		return fail(d.Names.Region+" is not set", config.RegionRemedy)
	}
	store, err := d.open(ctx, d.settings)
	if err != nil {
		return fail("the store's address: "+Cause(err), "correct "+d.Names.Endpoint+" or "+d.Names.PublicEndpoint)
	}
	if d.inspection, err = store.Inspect(ctx); err != nil {
		found, remedy, _ := strings.Cut(d.Names.Explain(err), "; ")
		return fail(d.Bucket+": "+found, remedy)
	}
	d.store, d.obstacle = store, ""
	return pass("%s is accessible", d.Bucket)
}

// region compares the configured region with the bucket's. A store that accepts another in signatures may report a
// wrong one.
func (d *doctor) region(context.Context) Finding {
	configured, actual := d.settings.Region, d.inspection.Region
	switch {
	case !d.inspection.Answered:
		return skip(d.obstacle)
	case actual == "" && d.store == nil:
		return skip("the store does not report its region when it refuses access")
	case actual == "":
		return pass("%s is set; the store does not report its region", configured)
	case actual == configured:
		return pass("%s, as configured", configured)
	}
	found := fmt.Sprintf("the bucket is in %s, but %s is configured", actual, configured)
	f := fail(found, "set "+d.Names.Region+"="+actual)
	if d.store != nil {
		f.Mark, f.Found = Warn, f.Found+", which the store accepts too"
	}
	return f
}

// clock compares this machine's clock with the store's.
func (d *doctor) clock(context.Context) Finding {
	skew, side := d.inspection.ClockAhead.Abs(), "behind"
	if d.inspection.ClockAhead < 0 {
		side = "ahead of"
	}
	difference := config.FormatDuration(skew.Round(time.Second))
	const remedy = "set this machine's clock, and synchronize it with NTP"
	switch {
	case !d.inspection.Answered:
		return skip(d.obstacle)
	case !d.inspection.HasDate:
		return warn("the store does not report its time", "check that this machine's clock is right")
	case skew > fatalSkew:
		d.obstacle = "the clocks are too far apart"
		found := fmt.Sprintf("%s %s the store's; the store rejects signatures from a difference of %s",
			difference, side, config.FormatDuration(fatalSkew))
		return fail(found, remedy)
	case skew > slightSkew:
		found := fmt.Sprintf("%s %s the store's, so signed URLs become valid or expire at the wrong time", difference, side)
		return warn(found, remedy)
	case skew <= time.Second:
		return pass("same as the store's")
	}
	return pass("%s %s the store's", difference, side)
}
