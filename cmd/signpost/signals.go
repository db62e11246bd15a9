package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// ignoreHangups keeps a server running when its terminal closes (SIGHUP) or the reader of its output exits (SIGPIPE),
// until ctx ends. SIGHUP does not need to reload files, because the server reloads them when they change.
func ignoreHangups(ctx context.Context, log *slog.Logger) {
	signal.Ignore(syscall.SIGPIPE)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		defer signal.Stop(hangups)
		for {
			select {
			case <-hangups:
				log.Info("SIGHUP ignored; changed key and certificate files are reloaded without a signal")
			case <-ctx.Done():
				return
			}
		}
	}()
}

// endOnHangup makes a closed terminal (SIGHUP) interrupt the command, as Ctrl-C does, unless nohup ignores that.
func (i *invocation) endOnHangup() (stop func()) {
	if signal.Ignored(syscall.SIGHUP) {
		return func() {}
	}
	i.ctx, stop = signal.NotifyContext(i.ctx, syscall.SIGHUP)
	return stop
}
