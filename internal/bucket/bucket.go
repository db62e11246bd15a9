// Package bucket is the S3 side of the service: one bucket, the requests it signs for clients, and the few calls the service
// makes itself. It knows keys, headers and conditions, and stays out of what an import is.
package bucket

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/sigv4"
)

const (
	// callTimeout bounds one call to the store, retries included. A record is under 8 kB: a store that takes longer is down.
	callTimeout = 5 * time.Second
	// maxAttempts and maxBackoff leave room for a second and a third try within callTimeout.
	maxAttempts = 3
	maxBackoff  = 500 * time.Millisecond
)

// Options says which bucket to open.
type Options struct {
	Name           string
	AWS            aws.Config // region, credentials and, for other stores than S3, the endpoint
	PublicEndpoint string     // the store's address as clients reach it; empty: as AWS says
	PathStyle      bool       // http://store/bucket/key instead of http://bucket.store/key
}

// Bucket signs requests for one bucket and talks to it. It is safe for concurrent use.
type Bucket struct {
	name     string
	client   *s3.Client
	creds    aws.CredentialsProvider
	signer   *sigv4.Signer
	endpoint sigv4.Endpoint
}

// Open resolves the bucket's addresses. It calls nobody; see Check.
func Open(ctx context.Context, o Options) (*Bucket, error) {
	client := s3.NewFromConfig(o.AWS, func(c *s3.Options) {
		c.UsePathStyle = o.PathStyle
		c.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts = maxAttempts
			r.MaxBackoff = maxBackoff
		})
	})
	if client.Options().Region == "" {
		return nil, fmt.Errorf("no region: set AWS_REGION")
	}
	if o.AWS.Credentials == nil {
		return nil, fmt.Errorf("no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or run with a role")
	}
	endpoint, err := publicEndpoint(ctx, client, o)
	if err != nil {
		return nil, fmt.Errorf("address of bucket %s: %w", o.Name, err)
	}
	return &Bucket{
		name:     o.Name,
		client:   client,
		creds:    o.AWS.Credentials,
		signer:   sigv4.NewSigner(client.Options().Region),
		endpoint: endpoint,
	}, nil
}

// publicEndpoint asks the SDK's own rules where clients find the bucket: host or path style, partition, dots in the name.
func publicEndpoint(ctx context.Context, client *s3.Client, o Options) (sigv4.Endpoint, error) {
	base := client.Options().BaseEndpoint
	if o.PublicEndpoint != "" {
		base = &o.PublicEndpoint
	}
	resolved, err := client.Options().EndpointResolverV2.ResolveEndpoint(ctx, s3.EndpointParameters{
		Bucket:         &o.Name,
		Region:         aws.String(client.Options().Region),
		Endpoint:       base,
		ForcePathStyle: &o.PathStyle,
	})
	if err != nil {
		return sigv4.Endpoint{}, err
	}
	return sigv4.ParseEndpoint(resolved.URI.String())
}

// Name returns the bucket's name.
func (b *Bucket) Name() string { return b.name }

// Check asks whether the bucket is there and lets us in: ErrNotFound, ErrForbidden and ErrUnavailable say why not.
func (b *Bucket) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := b.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.name})
	return classify("check bucket "+b.name, err)
}
