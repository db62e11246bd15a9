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
		c, err := retrieve(ctx, provider)
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
	_, err := retrieve(ctx, b.signing)
	return err
}

// retrieve returns the provider's credentials within callTimeout: the SDK's cache may have to fetch them. Credentials
// that are cached need no timer, which would take as long as a signature: 1 µs and four allocations.
func retrieve(ctx context.Context, provider aws.CredentialsProvider) (aws.Credentials, error) {
	if c, err := provider.Retrieve(canceled); err == nil {
		return c, nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return provider.Retrieve(ctx)
}

// canceled is a context that has ended: the SDK's cache returns what it holds, or an error.
var canceled = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// credentialsProvider wraps errors in ErrCredentialsExpired, so that they do not count as errors of the store.
type credentialsProvider struct{ aws.CredentialsProvider }

func (m credentialsProvider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := m.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, fmt.Errorf("%w: %w", ErrCredentialsExpired, err)
	}
	return c, nil
}
