package main

import (
	"bytes"
	"encoding/json"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambda/messages"
)

// runtimeLog is the output of package log, which aws-lambda-go uses. It writes each line as JSON.
type runtimeLog struct{ log *slog.Logger }

// Write logs a failed invocation, which aws-lambda-go writes as the JSON that it sends to Lambda, or the reason of an
// exit.
func (r runtimeLog) Write(line []byte) (int, error) {
	var failed messages.InvokeResponse_Error
	switch err := json.Unmarshal(line, &failed); {
	case err != nil:
		r.log.Error("Lambda runtime message", "text", string(bytes.TrimSpace(line)))
	case len(failed.StackTrace) > 0:
		r.log.Error("invocation panicked", "error", failed.Message, "stack", failed.StackTrace)
	default:
		r.log.Error("invocation failed", "error", failed.Message)
	}
	return len(line), nil
}
