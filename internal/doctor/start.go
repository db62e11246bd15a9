package doctor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
)

// RequireConditionalWrites returns an error if conditional writes do not work as the service needs them. If that cannot
// be determined, it only logs why. It does not probe Amazon S3.
func RequireConditionalWrites(ctx context.Context, o Options, settings aws.Config, log *slog.Logger) error {
	if bucket.OnAWS(settings) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, config.StartTimeout)
	defer cancel()
	p := newProbe(settings, o.sleep)
	var err error
	if p.store, err = o.open(ctx, settings); err != nil {
		return err
	}
	faults, err := p.conditionFaults(ctx)
	switch err = errors.Join(err, p.clean(ctx, err != nil)); {
	case len(faults) > 0:
		return fmt.Errorf("conditional writes do not work on this store: %s; %s", strings.Join(faults, "; "),
			conditionsRemedy)
	case err != nil:
		log.Warn("conditional writes not checked", "error", Cause(err))
	}
	return nil
}

// RequireSignedHeaders returns an error if the store honors headers that an upload URL does not sign, or if that cannot
// be determined, unless o allows it. With signing credentials that may not read, it only logs headers that do not read.
// It does not probe Amazon S3, which refuses unsigned headers.
func RequireSignedHeaders(ctx context.Context, o Options, settings aws.Config, log *slog.Logger) error {
	if bucket.OnAWS(settings) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, config.StartTimeout)
	defer cancel()
	found, err := o.probeHeaders(ctx, settings)
	if err != nil && o.PublicEndpoint != "" { // clients may reach an address that the service does not
		private := o
		private.PublicEndpoint = ""
		found, err = private.probeHeaders(ctx, settings)
	}
	allow := "set " + o.Names.AllowUnsigned + "=true if every client may read the whole bucket"
	switch {
	case err != nil && o.AllowUnsignedHeaders, errors.Is(err, bucket.ErrStoreFull) && o.Signing != nil:
		log.Warn("unsigned headers not checked", "error", Cause(err))
	case err != nil:
		return fmt.Errorf("cannot check whether the store honors unsigned headers: %s; run signpost doctor, or %s",
			Cause(err), allow)
	case len(found.honored) == 0:
		log.Info("unsigned headers rejected by the store")
	case o.AllowUnsignedHeaders || o.Signing != nil && !found.copies:
		log.Warn("unsigned headers honored by the store", "headers", found.honored, "risk", found.risk())
	default:
		return fmt.Errorf("the store honors headers that an upload URL does not sign (%s): %s; %s, or %s",
			found, found.risk(), o.limitSigning(), allow)
	}
	return nil
}

// limitSigning says how to keep unsigned headers from reading.
func (o Options) limitSigning() string {
	if o.Signing != nil {
		return "remove s3:GetObject from the credentials that sign uploads: they need s3:PutObject on imports/* only"
	}
	return fmt.Sprintf("set %s, or %s, to credentials that only have s3:PutObject on imports/*",
		o.Names.SigningKeys, o.Names.SigningRole)
}

func (o Options) probeHeaders(ctx context.Context, settings aws.Config) (unsigned, error) {
	store, err := o.open(ctx, settings)
	if err != nil {
		return unsigned{}, err
	}
	p := newProbe(settings, o.sleep)
	p.store = store
	found, err := p.unsignedHeaders(ctx)
	return found, errors.Join(err, p.clean(ctx, err != nil))
}
