package bucket

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// credentialsTimeout limits CredentialsLeft, so that a metrics scrape does not wait for a role.
const credentialsTimeout = time.Second

// CredentialsLeft returns the shorter remaining lifetime of the service's credentials and those that sign uploads. If
// neither expires, ends is false.
func (b *Bucket) CredentialsLeft(ctx context.Context) (left time.Duration, ends bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, credentialsTimeout)
	defer cancel()
	for _, provider := range []aws.CredentialsProvider{b.creds, b.signing} {
		c, err := provider.Retrieve(ctx)
		if err != nil {
			return 0, false, err
		}
		if remaining := time.Until(c.Expires); c.CanExpire && (!ends || remaining < left) {
			left, ends = remaining, true
		}
	}
	return left, ends, nil
}

// CheckSigning returns ErrCredentialsExpired if the credentials that sign uploads are unavailable.
func (b *Bucket) CheckSigning(ctx context.Context) error {
	_, err := b.signing.Retrieve(ctx)
	return err
}

// newCredentials returns the credentials of provider from a cache. If they must be fetched, callers wait for at most
// callTimeout: the time is limited below the cache, so that cached credentials cost no timer.
func newCredentials(provider aws.CredentialsProvider) aws.CredentialsProvider {
	fetch := func(ctx context.Context) (aws.Credentials, error) {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		return provider.Retrieve(ctx)
	}
	return credentialsProvider{aws.NewCredentialsCache(aws.CredentialsProviderFunc(fetch))}
}

// credentialsProvider wraps errors in ErrCredentialsExpired, so that they do not count as errors of the store.
type credentialsProvider struct{ aws.CredentialsProvider }

func (m credentialsProvider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := m.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, fmt.Errorf("%w: %w", ErrCredentialsExpired, err)
	}
	return c, nil
}
