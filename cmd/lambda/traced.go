//go:build traces

package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/signpost-s3/signpost/internal/assembly"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/tracing"
)

// flushTimeout limits sending the spans of an invocation, whose response waits for it.
const flushTimeout = 2 * time.Second

// startTraces starts to send traces if the variables OTEL_* say so. The function that it returns adds to a handler that
// spans are sent before an invocation ends, because Lambda then stops the process until the next one.
func startTraces(
	ctx context.Context, log *slog.Logger,
) (assembly.Tracing, func(lambda.Handler) lambda.Handler, error) {
	unchanged := func(h lambda.Handler) lambda.Handler { return h }
	var errs config.Errors
	on := errs.ReadTraces(os.Getenv)
	if err := errs.Err(); err != nil || !on {
		return assembly.Tracing{}, unchanged, err
	}
	traces, err := tracing.New(ctx, "", log)
	if err != nil {
		return assembly.Tracing{}, unchanged, err
	}
	flush := func(h lambda.Handler) lambda.Handler { return tracedHandler{h, traces, log} }
	return traces.Hooks(), flush, nil
}

// tracedHandler sends the spans of each invocation.
type tracedHandler struct {
	lambda.Handler
	traces *tracing.Tracing
	log    *slog.Logger
}

func (h tracedHandler) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
		defer cancel()
		if err := h.traces.Flush(ctx); err != nil {
			h.log.Warn("trace export failed", "error", err)
		}
	}()
	return h.Handler.Invoke(ctx, event)
}
