// Command signpost returns signed S3 URLs, so that clients upload large files to S3 instead of through an API.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	_ "golang.org/x/crypto/x509roots/fallback" // CA certificates for systems without any, such as the container image

	"github.com/signpost-s3/signpost/internal/terminal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	stderr := os.Stderr          // captureStderr may replace os.Stderr
	if err := run(ctx, os.Args[1:], os.Stdout, stderr); err != nil {
		fmt.Fprintln(terminal.NewWriter(stderr), "signpost: "+strings.ReplaceAll(err.Error(), "\n", "\nsignpost: "))
		os.Exit(exitStatus(err))
	}
}
