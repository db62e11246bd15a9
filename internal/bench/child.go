package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/internal/app"
	"github.com/signpost-s3/signpost/internal/localstore"
)

// serveChild is one of the servers that are measured in processes of their own. It prints its address and serves until ctx ends.
func serveChild(ctx context.Context, kind string, body int) error {
	switch kind {
	case "echo":
		return serveHandler(ctx, bareEcho(body))
	case "tracked":
		log, err := os.OpenFile(os.Getenv("BENCH_LOG"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		handler, err := inMemory(ctx, app.NewLogger(log))
		if err != nil {
			return err
		}
		return serveHandler(ctx, handler)
	case "store":
		return serveStore(ctx)
	}
	return fmt.Errorf("no child %q", kind)
}

func serveHandler(ctx context.Context, h http.Handler) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + listener.Addr().String())
	return app.Serve(ctx, listener, h, slog.New(slog.DiscardHandler))
}

// bareEcho is the framework alone: a constant of so many bytes.
func bareEcho(body int) http.Handler {
	e := echo.New()
	constant := []byte(strings.Repeat("x", body))
	e.POST("/import", func(c echo.Context) error { return c.Blob(http.StatusOK, "application/json", constant) })
	return e
}

// inMemory is the whole service on a store that is not there.
func inMemory(ctx context.Context, log *slog.Logger) (http.Handler, error) {
	app.Tune()
	settings := app.Config{Listen: "127.0.0.1:0", Bucket: bucketName, PathStyle: true, URLTTL: time.Hour, JobTTL: 168 * time.Hour}
	return app.New(ctx, settings, memoryAWS(), log, nil)
}

// serveStore runs the local store, with the address and the credentials in its first line.
func serveStore(ctx context.Context) error {
	store, err := localstore.Start(ctx, localstore.Options{Dir: os.Getenv("BENCH_DIR"), Listen: "127.0.0.1:0", Bucket: bucketName})
	if err != nil {
		return err
	}
	c := store.Credentials()
	fmt.Println(store.Endpoint(), c.AccessKeyID, c.SecretAccessKey)
	os.Stdout.Close()
	<-ctx.Done()
	return store.Close()
}

const bucketName = "signpost"
