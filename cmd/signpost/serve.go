package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/signpost-s3/signpost/internal/format"

	"github.com/signpost-s3/signpost/internal/assembly"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/doctor"
	"github.com/signpost-s3/signpost/internal/server"
)

type serveCmd struct{ config.Config }

// Help returns the text before the flags in serve --help.
func (serveCmd) Help() string {
	return "Set flags or the environment variables in parentheses. Set region, credentials and endpoint with the " +
		"variables of the AWS SDK: AWS_REGION; AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; and " +
		"AWS_ENDPOINT_URL_S3 for stores other than S3."
}

func (s serveCmd) Run(i *invocation) error {
	if err := i.configErrors.Check(s.Config); err != nil {
		return err
	}
	server.Tune(os.Getenv("GOGC"))
	log := assembly.NewLogger(i.stderr)
	ignoreHangups(i.ctx, log)
	for _, warning := range config.UnknownSettings(os.Environ(), i.variables) {
		log.Warn(warning)
	}
	listener, err := server.Listen(s.Config, log)
	if err != nil {
		return err
	}
	defer listener.Close()
	if s.Bucket == "" {
		return s.serveLocal(i, listener, log)
	}
	settings, err := config.LoadAWS(i.ctx)
	if err != nil {
		return err
	}
	process, err := server.New(i.ctx, s.Config, settings, log, versionText())
	if err != nil {
		return err
	}
	// Before any URL is signed.
	if err := doctor.RequireSignedHeaders(i.ctx, assembly.DoctorOptions(s.Config), settings, log); err != nil {
		return fmt.Errorf("%s: %w", s.Setting(&s.Bucket), err)
	}
	s.printStart(i.stdout, listener.Addr().String(), "")
	return process.Serve(i.ctx, listener)
}

// serveLocal runs the service on a local store, and stops when the store stops.
func (s serveCmd) serveLocal(i *invocation, listener net.Listener, log *slog.Logger) (err error) {
	if s.Config, err = s.WithAbsolutePaths(); err != nil {
		return err
	}
	ready, process := make(chan struct{}), (*server.Server)(nil)
	settings := s.Config
	if s.UI {
		settings.CORSOrigins = append(localOrigins(listener.Addr(), s.TLSCert != ""), s.CORSOrigins...)
	}
	store, dir, err := startStore(i.ctx, settings, log, func(key string) {
		select {
		case <-ready:
		case <-i.ctx.Done():
			return
		}
		if err := process.HandleObjectCreated(i.ctx, key); err != nil && i.ctx.Err() == nil {
			log.Warn("object-created notification failed; reading the import repeats it", "key", key, "error", err.Error())
		}
	})
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
	folder := filepath.Join(dir, "store", store.Bucket())
	if process, err = server.New(ctx, s.Config, store.AWSConfig(), log, versionText()); err != nil {
		return err
	}
	close(ready)
	s.printStart(i.stdout, listener.Addr().String(), folder)
	if err := process.Serve(ctx, listener); err != nil {
		return err
	}
	if i.ctx.Err() == nil {
		return context.Cause(ctx)
	}
	return nil
}

// localOrigins returns the origins of the web UI on this machine, for the CORS rules of the store.
func localOrigins(at net.Addr, overTLS bool) (origins []string) {
	scheme := "http://"
	if overTLS {
		scheme = "https://"
	}
	listens, port, _ := net.SplitHostPort(at.String())
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if ip := net.ParseIP(listens); ip != nil && !ip.IsUnspecified() && !slices.Contains(hosts, listens) {
		hosts = append(hosts, listens)
	}
	for _, host := range hosts {
		origin := scheme + net.JoinHostPort(host, port)
		defaultPort := map[string]string{"http://": ":80", "https://": ":443"}[scheme]
		origins = append(origins, strings.TrimSuffix(origin, defaultPort))
	}
	return origins
}

// printStart prints the service's addresses and an example.
func (s serveCmd) printStart(w io.Writer, address, folder string) {
	if host, port, err := net.SplitHostPort(address); err == nil && net.ParseIP(host).IsUnspecified() {
		address = net.JoinHostPort("localhost", port) // or by any other name of this machine
	}
	api, curl := "http://"+address, "curl -s"
	if s.TLSCert != "" {
		api = "https://" + address
	}
	fmt.Fprintf(w, "Signpost %s at %s  (documentation: %s/docs)\n", versionText(), api, api)
	if s.UI {
		fmt.Fprintf(w, "Upload from a browser: %s/\n", api)
	}
	if s.MetricsListen != "" {
		fmt.Fprintf(w, "Metrics at http://%s/metrics\n", s.MetricsListen)
	}
	if folder != "" {
		fmt.Fprintf(w, "LOCAL STORE: uploads go to %s on this machine, not to AWS. "+
			"For laptops and tests only; set SIGNPOST_BUCKET for a real bucket.\n", folder)
	}
	switch {
	case s.APIKeysFile != "" && !s.AllowAnonymous:
		curl += ` -H "x-api-key: $key"`
	case s.Authenticates() && !s.AllowAnonymous:
		curl += ` -H "Authorization: Bearer $token"`
	}
	if s.MaxSize == 0 && len(s.ContentTypes) == 0 { // otherwise untracked imports are rejected
		fmt.Fprintf(w, "\nTry it in another shell:\n  url=$(%s -X POST %s/import | cut -d '\"' -f 4)\n"+
			"  curl --upload-file README.md \"$url\"\n", curl, api)
		if folder != "" && !s.Authenticates() {
			fmt.Fprintf(w, "  ls -l %s\n", format.ShellQuote(filepath.Join(folder, "imports", "public")))
		}
		if folder != "" && s.Authenticates() {
			fmt.Fprintf(w, "  ls -lR %s\n", format.ShellQuote(filepath.Join(folder, "imports")))
		}
	}
	fmt.Fprintln(w)
}
