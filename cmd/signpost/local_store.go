package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/assembly"
	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/localstore"
)

// localBucket is the bucket of the local store.
const localBucket = "signpost"

// bucketSettings returns the settings of withBucket.
func bucketSettings() []string { return []string{"bucket", "data-dir", "local-listen", "path-style"} }

// otherSettings is the paragraph of the help about settings that a command does not use.
const otherSettings = "Other settings of serve have no effect here, but must be valid: see signpost serve --help.\n\n"

// startStore starts the local store of c, and returns it with its directory. It calls created, unless it is nil, with
// the key of each new object. Errors name the setting to change.
func startStore(
	ctx context.Context, c config.Config, log *slog.Logger, created func(key string),
) (store *localstore.Store, dir string, err error) {
	if dir, err = filepath.Abs(c.DataDir); err != nil {
		return nil, "", fmt.Errorf("SIGNPOST_DATA_DIR=%q: %w", c.DataDir, err)
	}
	if err := captureStderr(log); err != nil {
		return nil, "", err
	}
	store, err = localstore.Start(ctx, localstore.Options{
		Dir: dir, Listen: c.LocalListen, Bucket: localBucket, CORS: bucket.CORSRule(c.CORSOrigins),
		OnObjectCreated: created, ObjectCreatedPrefix: imports.ObjectRoot,
	})
	var file *fs.PathError
	var errno syscall.Errno
	switch {
	case errors.As(err, &file) && errors.Is(err, localstore.ErrInUse):
		err = fmt.Errorf("SIGNPOST_DATA_DIR=%q: %w: stop that process, or set SIGNPOST_DATA_DIR to another folder",
			c.DataDir, file)
	case errors.As(err, &file):
		err = fmt.Errorf("SIGNPOST_DATA_DIR=%q: %w", c.DataDir, file)
	case errors.As(err, &errno):
		err = config.ListenError("SIGNPOST_LOCAL_LISTEN", c.LocalListen, errno)
	}
	return store, dir, err
}

// openStore is a local store that this process or a running service runs.
type openStore struct {
	settings aws.Config
	dir      string
	store    *localstore.Store // nil: another process runs it
}

// openLocal uses the local store of a running service, or starts one.
func openLocal(i *invocation, c config.Config) (openStore, error) {
	store, dir, err := startStore(i.ctx, c, assembly.NewLogger(i.stderr), nil)
	if errors.Is(err, localstore.ErrInUse) {
		settings, err := localstore.ExternalConfig(i.ctx, dir, c.LocalListen)
		return openStore{settings: settings, dir: dir}, err
	}
	if err != nil {
		return openStore{}, err
	}
	return openStore{store.AWSConfig(), dir, store}, nil
}

func (o openStore) close() error {
	if o.store == nil {
		return nil
	}
	return o.store.Close()
}

// withBucket calls f with the AWS settings of the store, the bucket of c, and c with the name of the bucket. Without a
// bucket, it uses the local store.
func withBucket(
	i *invocation, c config.Config, f func(settings aws.Config, store *bucket.Bucket, c config.Config) error,
) (err error) {
	if err := i.configErrors.Check(c); err != nil {
		return err
	}
	if c, err = c.WithAbsolutePaths(); err != nil {
		return err
	}
	var settings aws.Config
	if c.Bucket == "" {
		var local openStore
		if local, err = openLocal(i, c); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, local.close()) }()
		c.Bucket, c.PathStyle, settings = localBucket, true, local.settings
	} else if settings, err = c.LoadAWS(i.ctx); err != nil {
		return err
	}
	store, err := assembly.OpenBucket(i.ctx, c, settings, bucket.Hooks{})
	if err != nil {
		return err
	}
	return f(settings, store, c)
}
