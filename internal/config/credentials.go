package config

import (
	"cmp"
	"context"
	"crypto/sha256"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"github.com/signpost-s3/signpost/internal/filewatch"
)

// checkInterval is how often the shared files are read. Who rotates keys leaves the old ones valid for longer.
const checkInterval = time.Second

// fileCredentials are those of the SDK's chain, which reads the shared credentials and config files only once. They are
// loaded again when the contents of these files change.
type fileCredentials struct {
	files []string
	began time.Time
	next  atomic.Int64 // when to read the files again, in nanoseconds since began
	chain atomic.Pointer[chain]
}

// chain is the SDK's chain, as it was loaded from files with the digest.
type chain struct {
	aws.CredentialsProvider
	digest [sha256.Size]byte
}

// withFiles loads the SDK's configuration. Its credentials follow the shared files unless the environment takes
// precedence.
func withFiles(ctx context.Context) (aws.Config, error) {
	env, err := awsconfig.NewEnvConfig()
	if err != nil {
		return aws.Config{}, err
	}
	if env.Credentials.HasKeys() || env.WebIdentityTokenFilePath != "" {
		return awsconfig.LoadDefaultConfig(ctx, Quiet)
	}
	f := &fileCredentials{began: time.Now(), files: []string{
		cmp.Or(env.SharedCredentialsFile, awsconfig.DefaultSharedCredentialsFilename()),
		cmp.Or(env.SharedConfigFile, awsconfig.DefaultSharedConfigFilename()),
	}}
	digest := filewatch.Digest(f.files) // before the load, so that a change in between is found later
	loaded, err := awsconfig.LoadDefaultConfig(ctx, Quiet)
	if err != nil {
		return aws.Config{}, err
	}
	f.chain.Store(&chain{loaded.Credentials, digest})
	loaded.Credentials = f
	return loaded, nil
}

// Retrieve returns the current credentials. At most one call in checkInterval reads the files.
func (f *fileCredentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	now, next := int64(time.Since(f.began)), f.next.Load()
	if now >= next && f.next.CompareAndSwap(next, now+int64(checkInterval)) {
		f.reload(ctx)
	}
	return f.chain.Load().Retrieve(ctx)
}

// reload loads the chain again if the files have changed. If that fails, there are no credentials until the files
// change again.
func (f *fileCredentials) reload(ctx context.Context) {
	digest := filewatch.Digest(f.files)
	if digest == f.chain.Load().digest {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), StartTimeout) // all callers use the result
	defer cancel()
	loaded, err := awsconfig.LoadDefaultConfig(ctx, Quiet)
	if err != nil {
		loaded.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, err
		})
	}
	f.chain.Store(&chain{loaded.Credentials, digest})
}
