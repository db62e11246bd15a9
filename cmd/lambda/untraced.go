//go:build !traces

package main

import (
	"context"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/signpost-s3/signpost/internal/assembly"
)

// startTraces records no traces, unless the function is built with the tag traces: see traced.go.
func startTraces(context.Context, *slog.Logger) (assembly.Tracing, func(lambda.Handler) lambda.Handler, error) {
	return assembly.Tracing{}, func(h lambda.Handler) lambda.Handler { return h }, nil
}
