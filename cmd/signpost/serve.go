package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/app"
	"github.com/signpost-s3/signpost/internal/localstore"
)

// localBucket is the bucket's name in the local store.
const localBucket = "signpost"

type serveCmd struct{ app.Config }

func (s serveCmd) Run(i *invocation) error {
	if err := i.complaints.Check(s.Config); err != nil {
		return err
	}
	uuid.EnableRandPool() // the ids of bare uploads cost no system call each
	log := app.NewLogger(i.stderr)
	listener, err := app.Listen(s.Config)
	if err != nil {
		return err
	}
	defer listener.Close()
	if s.Bucket == "" {
		return s.serveLocal(i, listener, log)
	}
	settings, err := app.LoadAWS(i.ctx)
	if err != nil {
		return err
	}
	return s.serve(i.ctx, i.stdout, settings, listener, log, "")
}

// serveLocal runs the service on a store of its own, and stops when the store does.
func (s serveCmd) serveLocal(i *invocation, listener net.Listener, log *slog.Logger) (err error) {
	store, err := localstore.Start(i.ctx, localstore.Options{Dir: s.DataDir, Listen: s.LocalListen, Bucket: localBucket, CORSOrigins: s.CORSOrigins})
	if err != nil {
		return err
	}
	defer func() {
		if e := store.Close(); err == nil {
			err = e
		}
	}()
	ctx, stop := context.WithCancelCause(i.ctx)
	go func() {
		<-store.Done()
		stop(fmt.Errorf("the local store stopped: %w", store.Err()))
	}()
	s.Bucket, s.PathStyle = store.Bucket(), true
	folder := filepath.Join(s.DataDir, "store", store.Bucket())
	if err := s.serve(ctx, i.stdout, store.AWSConfig(), listener, log, folder); err != nil {
		return err
	}
	if i.ctx.Err() == nil {
		return context.Cause(ctx)
	}
	return nil
}

// serve runs until ctx ends. Folder is where a local store keeps the objects, empty where there is none.
func (s serveCmd) serve(ctx context.Context, stdout io.Writer, settings aws.Config, listener net.Listener, log *slog.Logger, folder string) error {
	handler, err := app.New(ctx, s.Config, settings, log)
	if err != nil {
		return err
	}
	greet(stdout, "http://"+listener.Addr().String(), folder)
	return app.Serve(ctx, listener, handler, log)
}

// greet says where the service is and how to try it.
func greet(w io.Writer, api, folder string) {
	fmt.Fprintf(w, "Signpost %s at %s  (documentation: %s/docs)\n", versionText(), api, api)
	if folder != "" {
		fmt.Fprintf(w, "LOCAL STORE: uploads go to %s on this machine, not to AWS. For laptops and tests only; set SIGNPOST_BUCKET for a real bucket.\n", folder)
	}
	fmt.Fprintf(w, "\nTry it in another shell:\n  url=$(curl -s -X POST %s/import | cut -d '\"' -f 4)\n  curl --upload-file README.md \"$url\"\n", api)
	if folder != "" {
		fmt.Fprintf(w, "  ls -l %s\n", filepath.Join(folder, "imports", "public"))
	}
	fmt.Fprintln(w)
}
