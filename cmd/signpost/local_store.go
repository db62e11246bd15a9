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

// bucketFunc receives the AWS settings of the store, its bucket, and the configuration that names it.
type bucketFunc func(settings aws.Config, store *bucket.Bucket, c config.Config) error

// withBucket calls f with the bucket of c. Without one, it uses the local store of a running service, or starts a local
// store.
func withBucket(i *invocation, c config.Config, f bucketFunc) (err error) {
	if err := i.configErrors.Check(c); err != nil {
		return err
	}
	if c, err = c.WithAbsolutePaths(); err != nil {
		return err
	}
	var settings aws.Config
	if c.Bucket != "" {
		settings, err = config.LoadAWS(i.ctx)
	} else {
		var closeStore func() error
		settings, closeStore, err = openLocal(i, c)
		defer func() { err = errors.Join(err, closeStore()) }()
		c.Bucket, c.PathStyle = localBucket, true
	}
	if err != nil {
		return err
	}
	store, err := assembly.OpenBucket(i.ctx, c, settings, bucket.Hooks{})
	if err != nil {
		return err
	}
	return f(settings, store, c)
}

// openLocal returns the settings of a running local store, or starts one. closeStore is never nil.
func openLocal(i *invocation, c config.Config) (settings aws.Config, closeStore func() error, err error) {
	closeStore = func() error { return nil }
	store, dir, err := startStore(i.ctx, c, assembly.NewLogger(i.stderr), nil)
	if errors.Is(err, localstore.ErrInUse) {
		settings, err = localstore.ExternalConfig(i.ctx, dir, c.LocalListen)
		return settings, closeStore, err
	}
	if err != nil {
		return aws.Config{}, closeStore, err
	}
	return store.AWSConfig(), store.Close, nil
}
