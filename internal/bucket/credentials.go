package bucket

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// leftTimeout bounds CredentialsLeft, so that whoever collects metrics need not wait for a role.
const leftTimeout = time.Second

// CredentialsLeft says how long the credentials in force still live; ends is false where nothing tells of an end.
func (b *Bucket) CredentialsLeft(ctx context.Context) (left time.Duration, ends bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, leftTimeout)
	defer cancel()
	c, err := b.credentials(ctx)
	if err != nil || !c.CanExpire {
		return 0, false, err
	}
	return time.Until(c.Expires), true, nil
}

// credentials returns those in force. Where they are at hand, as they nearly always are, that costs no timer: the SDK's cache
// looks at ctx only when it has to wait.
func (b *Bucket) credentials(ctx context.Context) (aws.Credentials, error) {
	if c, err := b.creds.Retrieve(ended); err == nil {
		return c, nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return b.creds.Retrieve(ctx)
}

// ended is a context in which nobody waits.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// marked makes every failure to get credentials ErrCredentialsExpired, so that it is not taken for one of the store's.
type marked struct{ aws.CredentialsProvider }

func (m marked) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := m.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, fmt.Errorf("%w: %w", ErrCredentialsExpired, err)
	}
	return c, nil
}
