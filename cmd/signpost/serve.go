package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/assembly"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/doctor"
	"github.com/signpost-s3/signpost/internal/format"
	"github.com/signpost-s3/signpost/internal/server"
)

type serveCmd struct{ config.Config }

// Help returns the text before the flags in serve --help.
func (serveCmd) Help() string {
	return "Set flags or the environment variables in parentheses. Set region, credentials and endpoint with the " +
		"variables of the AWS SDK: AWS_REGION; AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; and " +
		"AWS_ENDPOINT_URL_S3 for stores other than S3. To send traces to an OpenTelemetry collector, set " +
		"OTEL_EXPORTER_OTLP_ENDPOINT.\n\n" +
		"Example:\n\n\tsignpost serve --bucket my-uploads --api-keys-file keys"
}

func (s serveCmd) Run(i *invocation) error {
	s.Traces = i.configErrors.ReadTraces(os.Getenv)
	if err := i.configErrors.Check(s.Config); err != nil {
		return err
	}
	server.Tune(os.Getenv("GOGC"))
	log := assembly.NewLogger(i.stderr)
	ignoreHangups(i.ctx, log)
	config.WarnUnknown(log, os.Environ(), i.variables)
	listener, err := server.Listen(s.Config, log)
	if err != nil {
		return err
	}
	defer listener.Close()
	if s.Bucket == "" {
		return s.serveLocal(i, listener, log)
	}
	settings, err := s.LoadAWS(i.ctx)
	if err != nil {
		return err
	}
	process, err := server.New(i.ctx, s.Config, settings, log, versionText())
	if err != nil {
		return err
	}
	// Before any URL is signed.
	for _, require := range []func(context.Context, doctor.Options, aws.Config, *slog.Logger) error{
		doctor.RequireConditionalWrites, doctor.RequireSignedHeaders,
	} {
		if err := require(i.ctx, assembly.DoctorOptions(s.Config), settings, log); err != nil {
			return fmt.Errorf("%s: %w", s.Setting(&s.Bucket), err)
		}
	}
	s.printStart(i.stdout, listener.Addr().String(), "")
	return process.Serve(i.ctx, listener)
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
	with := ""
	switch {
	case s.APIKeysFile != "" && !s.AllowAnonymous:
		curl, with = curl+` -H "x-api-key: $key"`, ", with an API key in $key"
	case s.Authenticates() && !s.AllowAnonymous:
		curl, with = curl+` -H "Authorization: Bearer $token"`, ", with an access token in $token"
	}
	if s.MaxSize == 0 && len(s.ContentTypes) == 0 { // otherwise untracked imports are rejected
		fmt.Fprintf(w, "\nTry it in another shell%s:\n  url=$(%s -X POST %s/import | cut -d '\"' -f 4)\n"+
			"  curl --upload-file README.md \"$url\"\n", with, curl, api)
		if folder != "" && !s.Authenticates() {
			fmt.Fprintf(w, "  ls -l %s\n", format.ShellQuote(filepath.Join(folder, "imports", "public")))
		}
		if folder != "" && s.Authenticates() {
			fmt.Fprintf(w, "  ls -lR %s\n", format.ShellQuote(filepath.Join(folder, "imports")))
		}
	}
	fmt.Fprintln(w)
}
