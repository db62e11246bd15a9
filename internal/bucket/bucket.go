// Package bucket is the S3 side of the service: one bucket, the requests it signs for clients, and the few calls the service
// makes itself. It knows keys, headers and conditions, and stays out of what an import is.
package bucket

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyauth "github.com/aws/smithy-go/auth"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/signpost-s3/signpost/internal/sigv4"
)

const (
	// callTimeout bounds one call to the store, retries included. A record is under 8 kB: a store that takes longer is down.
	callTimeout = 5 * time.Second
	// freeTimeout bounds a removal. A store may have thousands of parts to go through.
	removalTimeout = 20 * time.Second
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
	Hooks          Hooks      // told of calls and signatures
	// Signing signs the uploads that clients send: PUTs, parts and forms. Nil means AWS.Credentials. A store that honors unsigned headers
	// does with an upload URL whatever these credentials may do, so they should allow s3:PutObject on the imports and nothing else.
	Signing aws.CredentialsProvider
}

// Bucket signs requests for one bucket and talks to it. It is safe for concurrent use.
type Bucket struct {
	name             string
	client           *s3.Client
	creds            aws.CredentialsProvider // the service's own, for its calls and for downloads
	signing          aws.CredentialsProvider // for the uploads of clients
	signer           *sigv4.Signer
	publicEndpoint   sigv4.Endpoint // as clients reach it
	internalEndpoint sigv4.Endpoint // as the service itself does
	httpClient       s3.HTTPClient  // the SDK's
	circuit          circuit
	hooks            Hooks
	full             atomic.Bool // the last write was refused with ErrStoreFull
}

// Open resolves the bucket's addresses. It calls nobody; see Check.
func Open(ctx context.Context, o Options) (*Bucket, error) {
	o.AWS.Credentials = credentialsProvider{o.AWS.Credentials}
	signing := o.AWS.Credentials
	if o.Signing != nil {
		signing = credentialsProvider{o.Signing}
	}
	client := s3.NewFromConfig(o.AWS, func(c *s3.Options) {
		c.UsePathStyle = o.PathStyle
		c.Retryer = retryer()
		c.DisableLogOutputChecksumValidationSkipped = true // the SDK would write that to stderr for each record of some stores
		c.APIOptions = append(c.APIOptions, addRequestID)
	})
	endpoint, err := resolveEndpoint(ctx, client, o, o.PublicEndpoint)
	if err != nil {
		return nil, fmt.Errorf("address of bucket %s: %w", o.Name, err)
	}
	inner, err := resolveEndpoint(ctx, client, o, "")
	if err != nil {
		return nil, fmt.Errorf("address of bucket %s: %w", o.Name, err)
	}
	return &Bucket{
		name:             o.Name,
		client:           client,
		creds:            o.AWS.Credentials,
		signing:          signing,
		signer:           sigv4.NewSigner(client.Options().Region),
		publicEndpoint:   endpoint,
		internalEndpoint: inner,
		httpClient:       client.Options().HTTPClient,
		circuit:          newCircuit(),
		hooks:            o.Hooks,
	}, nil
}

// retryer tries again what may succeed, which includes the 409 of a conditional write that met another: it says nothing about
// which of the two was made.
func retryer() aws.Retryer {
	standard := retry.NewStandard(func(r *retry.StandardOptions) {
		r.MaxAttempts = maxAttempts
		r.MaxBackoff = maxBackoff
	})
	return retry.AddWithErrorCodes(standard, "ConditionalRequestConflict", "OperationAborted")
}

// endpointFor asks the SDK's own rules where the bucket is: host or path style, partition, dots in the name. Address takes the
// place of the store's own, where it is not empty.
func resolveEndpoint(ctx context.Context, client *s3.Client, o Options, address string) (sigv4.Endpoint, error) {
	settings := client.Options()
	where := s3.EndpointParameters{
		Bucket:         &o.Name,
		Region:         &settings.Region,
		Endpoint:       settings.BaseEndpoint,
		ForcePathStyle: &o.PathStyle,
		UseFIPS:        aws.Bool(settings.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
		UseDualStack:   aws.Bool(settings.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled),
	}
	if address != "" { // a given address has no variants
		where.Endpoint, where.UseFIPS, where.UseDualStack = &address, nil, nil
	}
	resolved, err := settings.EndpointResolverV2.ResolveEndpoint(ctx, where)
	if err != nil {
		return sigv4.Endpoint{}, err
	}
	if schemes, ok := smithyauth.GetAuthOptions(&resolved.Properties); ok {
		for _, scheme := range schemes {
			if name, ok := smithyhttp.GetSigV4SigningName(&scheme.SignerProperties); ok && name != "s3" {
				return sigv4.Endpoint{}, fmt.Errorf("this is no general purpose bucket: its requests are signed for %s, not for s3", name)
			}
		}
	}
	return sigv4.ParseEndpoint(resolved.URI.String())
}

// Name returns the bucket's name.
func (b *Bucket) Name() string { return b.name }

// Origin is where clients send what the bucket signs for them: scheme and authority.
func (b *Bucket) Origin() string { return b.publicEndpoint.Origin() }

// OnAWS reports whether settings lead to Amazon S3, by its own endpoints or a private one in a VPC.
func OnAWS(settings aws.Config) bool {
	endpoint := s3.NewFromConfig(settings).Options().BaseEndpoint
	if endpoint == nil {
		return true
	}
	u, err := url.Parse(*endpoint)
	return err == nil && awsHost.MatchString(u.Hostname())
}

// awsHost matches S3's endpoints in the domains of the AWS partitions, such as s3.eu-west-1.amazonaws.com. It does not match names that
// customers' machines and load balancers have in these domains, because another store can be there.
var awsHost = regexp.MustCompile(`(^|\.)s3[a-z0-9-]*(\.dualstack)?(\.[a-z]+(-[a-z]+)+-[0-9]+)?(\.vpce)?` +
	`\.(amazonaws\.com(\.cn)?|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov)$`)

// Check reports whether the bucket exists, the credentials give access to it, and it accepts writes: ErrNotFound, ErrForbidden,
// ErrStoreFull and ErrUnavailable say why not.
func (b *Bucket) Check(ctx context.Context) error {
	if _, err := b.Inspect(ctx); err != nil {
		return err
	}
	return b.checkSpace(ctx)
}
