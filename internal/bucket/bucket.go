// Package bucket accesses one S3 bucket: it signs requests for clients, and sends the service's own requests. It
// knows keys, headers and conditions, but not imports.
package bucket

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyauth "github.com/aws/smithy-go/auth"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/signpost-s3/signpost/internal/sigv4"
)

const (
	// callTimeout limits a call to the store, including retries. A record is under 8 kB: a store that takes longer is
	// down.
	callTimeout = 5 * time.Second
	// removalTimeout limits a removal, for which a store may process thousands of parts.
	removalTimeout = 20 * time.Second
	// maxAttempts and maxBackoff permit a second and a third attempt within callTimeout.
	maxAttempts = 3
	maxBackoff  = 500 * time.Millisecond
)

// Options configures a Bucket.
type Options struct {
	Name           string
	AWS            aws.Config // region, credentials and, for other stores than S3, the endpoint
	PublicEndpoint string     // the store's endpoint for clients; empty: AWS's
	PathStyle      bool       // http://store/bucket/key instead of http://bucket.store/key
	Hooks          Hooks
	// Signing signs the uploads of clients: PUTs, parts and forms (default AWS.Credentials). A store that honors
	// unsigned headers does with an upload URL whatever these credentials allow, so they should only allow s3:PutObject
	// on imports.
	Signing aws.CredentialsProvider
}

// Bucket signs and sends requests for one bucket. It is safe for concurrent use.
type Bucket struct {
	name             string
	client           *s3.Client
	creds            aws.CredentialsProvider // for the service's calls and for downloads
	signing          aws.CredentialsProvider // for uploads of clients
	signer           *sigv4.Signer
	publicEndpoint   sigv4.Endpoint // for clients
	internalEndpoint sigv4.Endpoint // for the service
	httpClient       s3.HTTPClient  // the SDK's
	circuit          circuit
	hooks            Hooks
	amazon           bool
	writing          turns // of records
	recent           *lru.Cache[string, Record]
	quotedETags      atomic.Bool // the store has accepted a quoted ETag
	bareETags        atomic.Bool // the store has refused a quoted ETag, and accepted it without quotes
	listsPrefixes    atomic.Bool // the store lists uploads below a prefix, as Amazon S3 does
}

// Open resolves the bucket's endpoints. It sends no request; see Check.
func Open(ctx context.Context, o Options) (*Bucket, error) {
	o.AWS.HTTPClient = keepConnections(o.AWS.HTTPClient)
	o.AWS.Credentials = credentialsProvider{o.AWS.Credentials}
	signing := o.AWS.Credentials
	if o.Signing != nil {
		signing = credentialsProvider{o.Signing}
	}
	client := s3.NewFromConfig(o.AWS, func(c *s3.Options) {
		c.UsePathStyle = o.PathStyle
		c.Retryer = retryer()
		c.DisableLogOutputChecksumValidationSkipped = true // otherwise logged for each record of some stores
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
	recent, err := lru.New[string, Record](maxRecentRecords)
	if err != nil {
		return nil, err
	}
	b := &Bucket{
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
		amazon:           OnAWS(o.AWS),
		writing:          turns{waiting: map[string]*turn{}},
		recent:           recent,
	}
	b.quotedETags.Store(b.amazon)
	b.listsPrefixes.Store(b.amazon)
	return b, nil
}

// keepConnections returns an SDK client that keeps as many idle connections to the store as the SDK keeps to all hosts,
// 100. It keeps 10 to each host, so more concurrent calls would connect again each time.
func keepConnections(client aws.HTTPClient) aws.HTTPClient {
	sdk, ok := client.(*awshttp.BuildableClient)
	switch {
	case client == nil:
		sdk = awshttp.NewBuildableClient()
	case !ok: // a test's own
		return client
	}
	return sdk.WithTransportOptions(func(t *http.Transport) { t.MaxIdleConnsPerHost = t.MaxIdleConns })
}

// retryer retries what may succeed. That includes the 409 of a conditional write that met another one: it does not
// say which of the two succeeded.
func retryer() aws.Retryer {
	standard := retry.NewStandard(func(r *retry.StandardOptions) {
		r.MaxAttempts = maxAttempts
		r.MaxBackoff = maxBackoff
	})
	return retry.AddWithErrorCodes(standard, "ConditionalRequestConflict", "OperationAborted")
}

// resolveEndpoint resolves the bucket's endpoint by the SDK's rules: host or path style, partition, dots in the name.
// A non-empty address replaces the store's own.
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
	if address != "" { // a configured address has no variants
		where.Endpoint, where.UseFIPS, where.UseDualStack = &address, nil, nil
	}
	resolved, err := settings.EndpointResolverV2.ResolveEndpoint(ctx, where)
	if err != nil {
		return sigv4.Endpoint{}, err
	}
	if schemes, ok := smithyauth.GetAuthOptions(&resolved.Properties); ok {
		for _, scheme := range schemes {
			if name, ok := smithyhttp.GetSigV4SigningName(&scheme.SignerProperties); ok && name != "s3" {
				return sigv4.Endpoint{}, fmt.Errorf(
					"not a general purpose bucket: its requests are signed for %s, not for s3", name)
			}
		}
	}
	return sigv4.ParseEndpoint(resolved.URI.String())
}

func (b *Bucket) Name() string { return b.name }

// Origin returns scheme and authority of the URLs that the bucket signs.
func (b *Bucket) Origin() string { return b.publicEndpoint.Origin() }

// OnAWS reports whether settings select Amazon S3, by its own endpoints or a private one in a VPC.
func OnAWS(settings aws.Config) bool {
	endpoint := s3.NewFromConfig(settings).Options().BaseEndpoint
	if endpoint == nil {
		return true
	}
	u, err := url.Parse(*endpoint)
	return err == nil && awsHost.MatchString(u.Hostname())
}

// awsHost matches S3's endpoints in the domains of the AWS partitions, such as s3.eu-west-1.amazonaws.com. It does
// not match names of customers' machines and load balancers in these domains, because another store can run there.
var awsHost = regexp.MustCompile(`(^|\.)s3[a-z0-9-]*(\.dualstack)?(\.[a-z]+(-[a-z]+)+-[0-9]+)?(\.vpce)?` +
	`\.(amazonaws\.com(\.cn)?|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov)$`)

// Check checks that the bucket exists and that the credentials have access. It returns ErrNotFound, ErrForbidden or
// ErrUnavailable. A full store is no error: reads work, and deletions must.
func (b *Bucket) Check(ctx context.Context) error {
	_, err := b.Inspect(ctx)
	return err
}
