// Command lambda runs the service as an AWS Lambda function (runtime provided.al2023). Template.yaml deploys it.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/assembly"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/lambdaevent"
	"github.com/signpost-s3/signpost/internal/sigv4"
)

func main() {
	ctx := context.Background()
	logger := assembly.NewLogger(os.Stderr)
	log.SetFlags(0)
	log.SetOutput(runtimeLog{logger})
	handler, err := start(ctx, logger)
	if err != nil {
		logger.Error("start failed", "error", err)
		reportStart(err)
		os.Exit(1)
	}
	lambda.StartWithOptions(handler, lambda.WithContext(ctx))
}

// start reads the settings and returns the handler of events.
func start(ctx context.Context, log *slog.Logger) (lambda.Handler, error) {
	uuid.EnableRandPool()
	c, err := config.ReadFunctionConfig(os.Getenv)
	if err != nil {
		return nil, err
	}
	config.WarnUnknown(log, os.Environ(), config.SettingNames())
	traces, flush, err := startTraces(ctx, log)
	if err != nil {
		return nil, err
	}
	f, err := assembly.NewFunction(ctx, c.Config, traces, log)
	if err != nil {
		return nil, err
	}
	if c.Events == "direct" {
		sign := func(ctx context.Context) (sigv4.SecretURL, error) { return f.Imports.Sign(ctx, imports.Public) }
		return lambdaevent.Direct{Sign: sign}, nil
	}
	return flush(lambdaevent.Proxy{
		Handler: f.Handler, Bucket: c.Bucket, OnObjectCreated: f.HandleObjectCreated, Sweep: f.Sweep,
		Hint: "or set SIGNPOST_LAMBDA_EVENTS=direct to return an upload_url for every event",
	}), nil
}

// reportStart reports to Lambda why the function cannot start, so that callers receive the reason
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
func reportStart(reason error) {
	body, err := json.Marshal(map[string]string{"errorType": "Signpost.Settings", "errorMessage": reason.Error()})
	if err != nil {
		return
	}
	client := http.Client{Timeout: time.Second}
	url := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/init/error"
	response, err := client.Post(url, "application/json", bytes.NewReader(body))
	if err == nil {
		response.Body.Close()
	}
}
