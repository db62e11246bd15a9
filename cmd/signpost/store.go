package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"syscall"

	"github.com/signpost-s3/signpost/internal/app"
	"github.com/signpost-s3/signpost/internal/localstore"
)

// localBucket is the bucket's name in the local store.
const localBucket = "signpost"

// startStore starts the local store of c, and returns it with its folder. An error names the setting that is in its way.
func startStore(ctx context.Context, c app.Config, log *slog.Logger) (store *localstore.Store, dir string, err error) {
	if dir, err = filepath.Abs(c.DataDir); err != nil {
		return nil, "", fmt.Errorf("SIGNPOST_DATA_DIR=%q: %w", c.DataDir, err)
	}
	if err := adoptChatter(log); err != nil {
		return nil, "", err
	}
	store, err = localstore.Start(ctx, localstore.Options{Dir: dir, Listen: c.LocalListen, Bucket: localBucket, CORSOrigins: c.CORSOrigins})
	var file *fs.PathError
	var errno syscall.Errno
	switch {
	case errors.As(err, &file):
		err = fmt.Errorf("SIGNPOST_DATA_DIR=%q: %w", c.DataDir, file)
	case errors.As(err, &errno):
		err = fmt.Errorf("SIGNPOST_LOCAL_LISTEN=%q: %w", c.LocalListen, errno)
	}
	return store, dir, err
}
