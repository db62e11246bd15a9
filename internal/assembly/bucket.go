package assembly

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/doctor"
)

// OpenBucket returns c's bucket, and an error if it cannot be used.
func OpenBucket(ctx context.Context, c config.Config, settings aws.Config, hooks bucket.Hooks) (*bucket.Bucket, error) {
	store, err := newBucket(ctx, c, settings, hooks)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, config.StartTimeout)
	defer cancel()
	if err := store.Check(ctx); err != nil {
		return nil, fmt.Errorf("%s: %s", c.Setting(&c.Bucket), DoctorOptions(c).Names.Explain(err))
	}
	return store, nil
}

// newBucket returns c's bucket without a request to the store.
func newBucket(ctx context.Context, c config.Config, settings aws.Config, hooks bucket.Hooks) (*bucket.Bucket, error) {
	store, err := bucket.Open(ctx, bucket.Options{
		Name: c.Bucket, AWS: settings, PublicEndpoint: c.PublicEndpoint, PathStyle: c.PathStyle, Hooks: hooks,
		Signing: c.SigningCredentials(settings, bucket.OnAWS(settings)),
	})
	if err != nil {
		return nil, config.EndpointError(err)
	}
	return store, nil
}

// CheckSigning returns an error if there are no credentials that sign uploads.
func CheckSigning(ctx context.Context, c config.Config, store *bucket.Bucket) error {
	ctx, cancel := context.WithTimeout(ctx, config.StartTimeout)
	defer cancel()
	if err := store.CheckSigning(ctx); err != nil && c.SigningRoleARN != "" {
		return fmt.Errorf("%s: the role cannot be assumed: %s: allow sts:AssumeRole, also in the trust policy of the role", c.Setting(&c.SigningRoleARN), doctor.Cause(err))
	} else if err != nil {
		return fmt.Errorf("credentials that sign uploads: %s", doctor.Cause(err))
	}
	return nil
}
