// Command signpost hands out signed S3 URLs, so that large uploads go to S3 instead of through an API.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "signpost: "+strings.ReplaceAll(err.Error(), "\n", "\nsignpost: "))
		os.Exit(exitStatus(err))
	}
}
