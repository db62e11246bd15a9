package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/imports"
)

// startTimeout bounds the look at credentials and bucket before anything is served.
const startTimeout = 15 * time.Second

// LoadAWS reads region, credentials and endpoint from the SDK's standard chain, and makes sure that there are credentials. Those of
// files follow the files.
func LoadAWS(ctx context.Context) (aws.Config, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	loaded, err := withFiles(ctx)
	if err != nil {
		return aws.Config{}, fmt.Errorf("AWS settings: %w", err)
	}
	if loaded.Region == "" {
		return aws.Config{}, errors.New("AWS_REGION is not set: name the bucket's region, such as eu-west-1 (us-east-1 for most other stores)")
	}
	if _, err := loaded.Credentials.Retrieve(ctx); isSSO(err) {
		env, _ := config.NewEnvConfig()
		profile := cmp.Or(env.SharedConfigProfile, "default")
		return aws.Config{}, fmt.Errorf("AWS_PROFILE=%q: its SSO session has expired, or there is none: run aws sso login --profile %s", profile, profile)
	} else if err != nil {
		return aws.Config{}, fmt.Errorf("no AWS credentials (%w): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run with a role", Innermost(err))
	}
	return loaded, nil
}

// isSSO reports whether err is about a token of AWS IAM Identity Center (SSO). With an sso_session, the SDK has no error type for that.
func isSSO(err error) bool {
	var invalid *ssocreds.InvalidTokenError
	return errors.As(err, &invalid) || err != nil && strings.Contains(err.Error(), "SSO token")
}

// Open resolves the address of c's bucket and looks whether the bucket is there.
func (c Config) Open(ctx context.Context, settings aws.Config, watch bucket.Watch) (*bucket.Bucket, error) {
	store, err := c.open(ctx, settings, watch)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := store.Check(ctx); err != nil {
		return nil, fmt.Errorf("SIGNPOST_BUCKET=%q: %s", c.Bucket, whyNot(err))
	}
	return store, nil
}

func (c Config) open(ctx context.Context, settings aws.Config, watch bucket.Watch) (*bucket.Bucket, error) {
	store, err := bucket.Open(ctx, bucket.Options{Name: c.Bucket, AWS: settings, PublicEndpoint: c.PublicEndpoint, PathStyle: c.PathStyle, Watch: watch, Signing: c.signing(settings)})
	if err != nil {
		return nil, fmt.Errorf("the store's address (AWS_ENDPOINT_URL_S3 or SIGNPOST_PUBLIC_ENDPOINT): %s", strings.TrimPrefix(Innermost(err).Error(), "endpoint rule error, "))
	}
	return store, nil
}

// Service is c's, on store. Requests that wait take at most half of the connections: the others are for requests that do not.
// On this machine alone, callers nobody knows may list imports: they are all there are. A service that
// is told to serve whoever comes may have a proxy before it.
func (c Config) Service(store *bucket.Bucket) *imports.Service {
	s := &imports.Service{
		Bucket: store, Limits: c.Limits(), Downloads: c.Downloads,
		AnonymousListing: c.Local() && !c.AllowAnonymous, Now: time.Now,
	}
	if c.LongPolling {
		s.Waiters = imports.NewWaiters(c.MaxConnections / 2)
	}
	return s
}

// whyNot says in one line why a bucket cannot be used.
func whyNot(err error) string {
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return "there is no such bucket at this endpoint; create it, or mend the name or AWS_REGION"
	case errors.Is(err, bucket.ErrForbidden):
		return "access denied; the credentials are wrong, or lack s3:ListBucket on it"
	case errors.Is(err, bucket.ErrCredentialsExpired):
		return "the credentials have ended, or cannot be had: " + Innermost(err).Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "the store does not answer; look at the endpoint, or at AWS_REGION"
	case errors.Is(err, bucket.ErrUnavailable):
		return "the store cannot be reached: " + Innermost(err).Error() + "; check AWS_ENDPOINT_URL_S3 (SIGNPOST_LOCAL_LISTEN for the local store) and that the store runs"
	}
	return fmt.Sprintf("the store says %q; look at the name, at AWS_REGION and at the endpoint", Innermost(err))
}

// Innermost is the first cause, which in the SDK's long chains is the one that tells.
func Innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if many, ok := err.(interface{ Unwrap() []error }); ok && len(many.Unwrap()) > 0 {
			next = many.Unwrap()[len(many.Unwrap())-1]
		}
		if next == nil {
			return err
		}
		err = next
	}
}
