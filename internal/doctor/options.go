package doctor

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// Options are the settings of the service that the checks depend on.
type Options struct {
	Bucket               string
	PublicEndpoint       string
	PathStyle            bool
	Signing              func(aws.Config) aws.CredentialsProvider // nil: the service's credentials sign uploads
	AllowUnsignedHeaders bool
	URLTTL, JobTTL       time.Duration
	CORSOrigins          []string
	Events               bool // events are delivered, so that the bucket has an outbox
	Names                Names

	sleep func(time.Duration) // nil: time.Sleep
	slow  time.Duration       // from when concurrent writes are slow; 0: slowWrites
}

// Names are the names of settings in findings and errors.
type Names struct {
	Region, Profile, Keys, Endpoint         string // of the AWS SDK
	LocalListen, PublicEndpoint             string
	URLTTL, JobTTL, MaxSize, CORSOrigins    string
	SigningKeys, SigningRole, AllowUnsigned string
}

// open returns the bucket as the service uses it.
func (o Options) open(ctx context.Context, settings aws.Config) (*bucket.Bucket, error) {
	b := bucket.Options{Name: o.Bucket, AWS: settings, PublicEndpoint: o.PublicEndpoint, PathStyle: o.PathStyle}
	if o.Signing != nil {
		b.Signing = o.Signing(settings)
	}
	return bucket.Open(ctx, b)
}
