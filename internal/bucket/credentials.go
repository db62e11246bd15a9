package bucket

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// leftTimeout bounds CredentialsLeft, so that whoever collects metrics need not wait for a role.
const credentialsTimeout = time.Second

// CredentialsLeft returns how long both the service's credentials and those that sign uploads are valid; ends is false if neither has
// an expiry.
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

// CheckSigning returns ErrCredentialsExpired if the credentials that sign uploads cannot be had.
func (b *Bucket) CheckSigning(ctx context.Context) error {
	_, err := retrieve(ctx, b.signing)
	return err
}

// retrieve returns the provider's credentials. It costs no timer if the SDK's cache has them, as it nearly always does: the cache
// looks at ctx only when it has to wait.
func retrieve(ctx context.Context, provider aws.CredentialsProvider) (aws.Credentials, error) {
	if c, err := provider.Retrieve(canceledContext); err == nil {
		return c, nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return provider.Retrieve(ctx)
}

// ended is a context in which nobody waits.
var canceledContext = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// marked makes every failure to get credentials ErrCredentialsExpired, so that it is not taken for one of the store's.
type credentialsProvider struct{ aws.CredentialsProvider }

func (m credentialsProvider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := m.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, fmt.Errorf("%w: %w", ErrCredentialsExpired, err)
	}
	return c, nil
}
