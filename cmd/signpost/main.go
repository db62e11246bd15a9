// Command signpost hands out signed S3 URLs, so that large uploads go to S3 instead of through an API.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/signpost-s3/signpost/internal/terminal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	stderr := os.Stderr          // which may become a log's; see adoptChatter
	if err := run(ctx, os.Args[1:], os.Stdout, stderr); err != nil {
		fmt.Fprintln(terminal.NewWriter(stderr), "signpost: "+strings.ReplaceAll(err.Error(), "\n", "\nsignpost: "))
		os.Exit(exitStatus(err))
	}
}
