package assembly

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/doctor"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/imports"
)

// Open resolves the address of c's bucket and looks whether the bucket is there.
func Open(ctx context.Context, c config.Config, settings aws.Config, watch bucket.Hooks) (*bucket.Bucket, error) {
	store, err := openBucket(ctx, c, settings, watch)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, config.StartTimeout)
	defer cancel()
	if err := store.Check(ctx); err != nil {
		return nil, fmt.Errorf("SIGNPOST_BUCKET=%q: %s", c.Bucket, doctor.Explain(err))
	}
	return store, nil
}

func openBucket(ctx context.Context, c config.Config, settings aws.Config, watch bucket.Hooks) (*bucket.Bucket, error) {
	store, err := bucket.Open(ctx, bucket.Options{Name: c.Bucket, AWS: settings, PublicEndpoint: c.PublicEndpoint, PathStyle: c.PathStyle, Hooks: watch, Signing: c.SigningCredentials(settings, bucket.OnAWS(settings))})
	if err != nil {
		return nil, fmt.Errorf("the store's address (AWS_ENDPOINT_URL_S3 or SIGNPOST_PUBLIC_ENDPOINT): %s", strings.TrimPrefix(config.Innermost(err).Error(), "endpoint rule error, "))
	}
	return store, nil
}

// Service is c's, on store. Requests that wait take at most half of the connections: the others are for requests that do not.
// If only this machine reaches the service, anonymous callers may list imports. With AllowAnonymous, it may have a proxy
// before it, whose callers must not see each other's.
func Service(c config.Config, store *bucket.Bucket) *imports.Service {
	s := &imports.Service{
		Bucket: store, Limits: limits(c), Downloads: c.Downloads,
		AnonymousListing: c.Local() && !c.AllowAnonymous, Now: time.Now,
	}
	if c.LongPolling {
		s.Waiters = imports.NewWaiters(c.MaxConnections / 2)
	}
	return s
}

// Limits are what c grants to callers.
func limits(c config.Config) imports.Limits {
	return imports.Limits{
		MaxSize: c.MaxSize, URLTTL: c.URLTTL, JobTTL: c.JobTTL, ContentTypes: c.ContentTypes,
		OpenUploads: c.MaxOpenUploads, WriteOnce: c.WriteOnce, WebhookHosts: c.WebhookHosts,
	}
}
