package doctor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/signpost-s3/signpost/internal/config"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// RequireSignedHeaders returns an error if the store honors headers that an upload URL does not sign, or if that cannot
// be found out, unless c allows it. With signing credentials that may not read, headers that do not read are logged
// only. Amazon S3, which refuses unsigned headers, is not probed.
func RequireSignedHeaders(ctx context.Context, c config.Config, settings aws.Config, log *slog.Logger) error {
	if bucket.OnAWS(settings) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, config.StartTimeout)
	defer cancel()
	found, err := probeHeaders(ctx, c, settings)
	if err != nil && c.PublicEndpoint != "" { // clients may reach an address that the service does not
		private := c
		private.PublicEndpoint = ""
		found, err = probeHeaders(ctx, private, settings)
	}
	allow := "set SIGNPOST_ALLOW_UNSIGNED_HEADERS=true if every client may read the whole bucket"
	switch {
	case err != nil && c.AllowUnsignedHeaders, errors.Is(err, bucket.ErrStoreFull) && c.HasSigningCredentials():
		log.Warn("unsigned headers: not checked", "error", Cause(err))
	case err != nil:
		return fmt.Errorf("SIGNPOST_BUCKET=%q: cannot check whether the store honors unsigned headers: %s; "+
			"see signpost doctor, or %s",
			c.Bucket, Cause(err), allow)
	case len(found.honored) == 0:
		log.Info("unsigned headers: refused by the store")
	case c.AllowUnsignedHeaders || c.HasSigningCredentials() && !found.copies:
		log.Warn("unsigned headers: honored by the store", "headers", found.honored, "harm", found.harm())
	default:
		return fmt.Errorf("SIGNPOST_BUCKET=%q: the store honors headers that an upload URL does not sign (%s): %s; %s, or %s",
			c.Bucket, found, found.harm(), limitSigning(c), allow)
	}
	return nil
}

// limitSigning says how to keep unsigned headers from reading.
func limitSigning(c config.Config) string {
	if c.HasSigningCredentials() {
		return "take s3:GetObject from the credentials that sign uploads: they need s3:PutObject on imports/* only"
	}
	return "set SIGNPOST_SIGNING_ACCESS_KEY_ID and SIGNPOST_SIGNING_SECRET_ACCESS_KEY, or SIGNPOST_SIGNING_ROLE_ARN, " +
		"to credentials that only have s3:PutObject on imports/*"
}

func probeHeaders(ctx context.Context, c config.Config, settings aws.Config) (unsigned, error) {
	store, err := bucket.Open(ctx, bucketOptions(c, settings))
	if err != nil {
		return unsigned{}, err
	}
	p := &probe{store: store, web: settings.HTTPClient}
	if p.web == nil {
		p.web = awshttp.NewBuildableClient()
	}
	found, err := p.unsignedHeaders(ctx)
	return found, errors.Join(err, p.clean(ctx, err != nil))
}
