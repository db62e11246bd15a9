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

	"github.com/signpost-s3/signpost/internal/assembly"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/localstore"
	"github.com/signpost-s3/signpost/internal/server"
)

// serveChild runs one of the servers that are measured in their own process. It prints its address and serves until
// ctx is canceled.
func serveChild(ctx context.Context, kind string, body int) error {
	switch kind {
	case "echo":
		return serveOn(ctx, &server.Server{Handler: bareEcho(body), Log: slog.New(slog.DiscardHandler)})
	case "tracked":
		log, err := os.OpenFile(os.Getenv("BENCH_LOG"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		server, err := inMemory(ctx, assembly.NewLogger(log), config.Config{})
		if err != nil {
			return err
		}
		return serveOn(ctx, server)
	case "store":
		return serveStore(ctx)
	}
	return fmt.Errorf("no child %q", kind)
}

func serveOn(ctx context.Context, s *server.Server) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + listener.Addr().String())
	return s.Serve(ctx, listener)
}

// bareEcho is Echo with a constant response of this size.
func bareEcho(body int) http.Handler {
	e := echo.New()
	constant := []byte(strings.Repeat("x", body))
	e.POST("/import", func(c echo.Context) error { return c.Blob(http.StatusOK, "application/json", constant) })
	return e
}

// inMemory returns the whole service on an in-memory store, with the authentication of c.
func inMemory(ctx context.Context, log *slog.Logger, c config.Config) (*server.Server, error) {
	server.Tune(os.Getenv("GOGC"))
	c.Listen, c.Bucket, c.PathStyle, c.URLTTL, c.JobTTL = "127.0.0.1:0", bucketName, true, time.Hour, 168*time.Hour
	return server.New(ctx, c, memoryAWS(), log, "bench")
}

// serveStore runs the local store. Its first line contains the address and the credentials.
func serveStore(ctx context.Context) error {
	store, err := localstore.Start(
		ctx,
		localstore.Options{Dir: os.Getenv("BENCH_DIR"), Listen: "127.0.0.1:0", Bucket: bucketName},
	)
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
