package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
)

// serveEcho serves Echo as its documentation shows it, with a handler that returns a constant body of this size. With
// common, it has the middleware that any service needs, and an access log in JSON on stderr; without, it has none. Both
// have the time limits of Signpost.
func serveEcho(ctx context.Context, listener net.Listener, size int, common bool) error {
	e, body := echo.New(), bytes.Repeat([]byte("x"), size)
	if common {
		slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil)))
		e.Use(middleware.RequestID(), middleware.RequestLogger(), middleware.Recover(), middleware.Secure(),
			middleware.BodyLimit("128K"))
	}
	e.POST("/import", func(c echo.Context) error { return c.Blob(http.StatusOK, "application/json", body) })
	s := &http.Server{
		Handler: e, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute,
		IdleTimeout: 2 * time.Minute,
	}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	if err := s.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
