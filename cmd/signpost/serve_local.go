package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/signpost-s3/signpost/internal/server"
)

// createdWorkers is the number of object-created notifications that are handled at a time.
const createdWorkers = 4

// serveLocal runs the service on a local store, and stops when the store stops.
func (s serveCmd) serveLocal(i *invocation, listener net.Listener, log *slog.Logger) (err error) {
	if s.Config, err = s.WithAbsolutePaths(); err != nil {
		return err
	}
	settings := s.Config
	if s.UI {
		settings.CORSOrigins = append(localOrigins(listener.Addr(), s.TLSCert != ""), s.CORSOrigins...)
	}
	ctx, stop := context.WithCancelCause(i.ctx)
	defer stop(nil)
	created := make(chan string) // keys of new objects; they wait until the service has started
	store, dir, err := startStore(i.ctx, settings, log, func(key string) {
		select {
		case created <- key:
		case <-ctx.Done():
		}
	})
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, store.Close()) }()
	go func() {
		<-store.Done()
		stop(fmt.Errorf("the local store stopped: %w", store.Err()))
	}()
	s.Bucket, s.PathStyle, s.LocalStore = store.Bucket(), true, true
	process, err := server.New(ctx, s.Config, store.AWSConfig(), log, versionText())
	if err != nil {
		return err
	}
	var workers sync.WaitGroup
	for range createdWorkers {
		workers.Go(func() { handleCreated(ctx, process, created, log) })
	}
	defer workers.Wait()
	defer stop(nil)
	s.printStart(i.stdout, listener.Addr().String(), filepath.Join(dir, "store", store.Bucket()))
	if err := process.Serve(ctx, listener); err != nil {
		return err
	}
	if i.ctx.Err() == nil {
		return context.Cause(ctx)
	}
	return nil
}

// handleCreated handles object-created notifications until ctx ends.
func handleCreated(ctx context.Context, process *server.Server, created <-chan string, log *slog.Logger) {
	for {
		select {
		case key := <-created:
			if err := process.HandleObjectCreated(ctx, key); err != nil && ctx.Err() == nil {
				log.Warn("object-created notification failed; the next read or sweep inspects the import",
					"key", key, "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// localOrigins returns the origins of the web UI on this machine, for the CORS rules of the store.
func localOrigins(at net.Addr, overTLS bool) (origins []string) {
	scheme, defaultPort := "http://", ":80"
	if overTLS {
		scheme, defaultPort = "https://", ":443"
	}
	listens, port, _ := net.SplitHostPort(at.String())
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if ip := net.ParseIP(listens); ip != nil && !ip.IsUnspecified() && !slices.Contains(hosts, listens) {
		hosts = append(hosts, listens)
	}
	for _, host := range hosts {
		origins = append(origins, strings.TrimSuffix(scheme+net.JoinHostPort(host, port), defaultPort))
	}
	return origins
}
