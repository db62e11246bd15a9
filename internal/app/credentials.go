package app

import (
	"cmp"
	"context"
	"crypto/sha256"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/signpost-s3/signpost/internal/filewatch"
)

// lookEvery is how often the shared files are looked at. Whoever rotates keys leaves the old ones valid for longer.
const lookEvery = time.Second

// fileCredentials are those of the SDK's chain, which reads the shared credentials and config files only once: they are loaded
// again when the contents of these files change. No other source is asked more often for it.
type fileCredentials struct {
	files []string
	began time.Time
	next  atomic.Int64 // when to look at the files, since began
	chain atomic.Pointer[chain]
}

// chain is the SDK's, as it was loaded from the files when they had the digest.
type chain struct {
	aws.CredentialsProvider
	digest [sha256.Size]byte
}

// withFiles loads the SDK's settings, with credentials that follow the shared files unless the environment comes before them.
func withFiles(ctx context.Context) (aws.Config, error) {
	env, err := config.NewEnvConfig()
	if err != nil {
		return aws.Config{}, err
	}
	if env.Credentials.HasKeys() || env.WebIdentityTokenFilePath != "" {
		return config.LoadDefaultConfig(ctx)
	}
	f := &fileCredentials{began: time.Now(), files: []string{
		cmp.Or(env.SharedCredentialsFile, config.DefaultSharedCredentialsFilename()),
		cmp.Or(env.SharedConfigFile, config.DefaultSharedConfigFilename()),
	}}
	digest := filewatch.Digest(f.files) // before the load: what changes in between is found later
	loaded, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return aws.Config{}, err
	}
	f.chain.Store(&chain{loaded.Credentials, digest})
	loaded.Credentials = f
	return loaded, nil
}

// Retrieve returns the credentials in force. One caller in a while pays for a look at the files.
func (f *fileCredentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	now, next := int64(time.Since(f.began)), f.next.Load()
	if now >= next && f.next.CompareAndSwap(next, now+int64(lookEvery)) {
		f.look(ctx)
	}
	return f.chain.Load().Retrieve(ctx)
}

// look loads the chain again if the files have changed. Where that fails there are no credentials, until they change once more.
func (f *fileCredentials) look(ctx context.Context) {
	digest := filewatch.Digest(f.files)
	if digest == f.chain.Load().digest {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTimeout) // it is not for this caller alone
	defer cancel()
	loaded, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		loaded.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, err })
	}
	f.chain.Store(&chain{loaded.Credentials, digest})
}
