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

// localBucket is the bucket's name in the local store.
const localBucket = "signpost"

// startStore starts the local store of c, and returns it with its folder. Arrived, which may be nil, is told of each object that is stored.
// An error names the setting that is in its way.
func startStore(ctx context.Context, c config.Config, log *slog.Logger, arrived func(key string)) (store *localstore.Store, dir string, err error) {
	if dir, err = filepath.Abs(c.DataDir); err != nil {
		return nil, "", fmt.Errorf("SIGNPOST_DATA_DIR=%q: %w", c.DataDir, err)
	}
	if err := captureStderr(log); err != nil {
		return nil, "", err
	}
	store, err = localstore.Start(ctx, localstore.Options{Dir: dir, Listen: c.LocalListen, Bucket: localBucket, CORSOrigins: c.CORSOrigins, OnObjectCreated: arrived, ObjectCreatedPrefix: imports.ObjectRoot})
	var file *fs.PathError
	var errno syscall.Errno
	switch {
	case errors.As(err, &file) && errors.Is(err, localstore.ErrInUse):
		err = fmt.Errorf("SIGNPOST_DATA_DIR=%q: %w: stop that process, or set SIGNPOST_DATA_DIR to another folder", c.DataDir, file)
	case errors.As(err, &file):
		err = fmt.Errorf("SIGNPOST_DATA_DIR=%q: %w", c.DataDir, file)
	case errors.As(err, &errno):
		err = config.ListenError("SIGNPOST_LOCAL_LISTEN", c.LocalListen, errno)
	}
	return store, dir, err
}

// withBucket calls f with the bucket that c names or, where it names none, that of the local store: of the service that runs here, or else
// one of its own. Settings are how it is reached, and c as it is then.
func withBucket(i *invocation, c config.Config, f func(settings aws.Config, store *bucket.Bucket, c config.Config) error) (err error) {
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
		leave := func() error { return nil }
		settings, leave, err = reachLocal(i, c)
		defer func() { err = errors.Join(err, leave()) }()
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

func reachLocal(i *invocation, c config.Config) (settings aws.Config, leave func() error, err error) {
	leave = func() error { return nil }
	store, dir, err := startStore(i.ctx, c, assembly.NewLogger(i.stderr), nil)
	if errors.Is(err, localstore.ErrInUse) {
		settings, err = localstore.ExternalConfig(i.ctx, dir, c.LocalListen)
		return settings, leave, err
	}
	if err != nil {
		return aws.Config{}, leave, err
	}
	return store.AWSConfig(), store.Close, nil
}
