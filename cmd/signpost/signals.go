package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// outlive keeps a server alive when its terminal is closed (SIGHUP) and when the reader of its output is gone (SIGPIPE), until ctx ends.
// SIGHUP traditionally asks a server to reload its files. There is nothing to do: the server reloads them when they change.
func ignoreHangups(ctx context.Context, log *slog.Logger) {
	signal.Ignore(syscall.SIGPIPE)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		defer signal.Stop(hangups)
		for {
			select {
			case <-hangups:
				log.Info("SIGHUP received; key and certificate files are reloaded within a second of a change, without a signal")
			case <-ctx.Done():
				return
			}
		}
	}()
}
