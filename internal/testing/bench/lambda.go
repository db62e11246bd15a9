package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/signpost-s3/signpost/internal/testing/lambdatest"
)

// bareEvent is an untracked POST /import as a REST API sends it.
const bareEvent = `{"resource":"/import","path":"/import","httpMethod":"POST","headers":{"Host":"api.example.com"},
	"requestContext":{"requestId":"4bd1c0f2-66a7-4a53-9d2c-0f5f5c6f4f1e","identity":{"apiKeyId":"abc","sourceIp":"192.0.2.1"}}}`

// measureLambda starts the function's binary repeatedly under a Runtime API, and then calls a warm one.
func measureLambda(ctx context.Context, b *bench) error {
	const starts, calls = 20, 500
	bootstrap, err := b.buildLambda(ctx)
	if err != nil {
		return err
	}
	var cold, warm []float64
	for i := range starts {
		start := time.Now()
		function, err := lambdatest.Start(
			lambdatest.Options{Bootstrap: bootstrap, Env: []string{"SIGNPOST_BUCKET=" + bucketName}},
		)
		if err != nil {
			return err
		}
		if _, err := function.Invoke(ctx, []byte(bareEvent)); err != nil {
			return fmt.Errorf("%w\n%s", err, function.Log())
		}
		cold = append(cold, milliseconds(time.Since(start)))
		for range calls * (i / (starts - 1)) { // only in the last round
			start := time.Now()
			if _, err := function.Invoke(ctx, []byte(bareEvent)); err != nil {
				return err
			}
			warm = append(warm, milliseconds(time.Since(start)))
		}
		if err := function.Stop(); err != nil {
			return err
		}
	}
	spread := fmt.Sprintf("%.3g–%.3g", slices.Min(cold), slices.Max(cold))
	printFigure("Lambda: start to first answer, ms", median(cold), spread)
	printFigure("  a call when warm, ms", median(warm), "")
	return b.sizes(ctx, bootstrap)
}

// buildLambda builds the function and returns the path of its binary.
func (b *bench) buildLambda(ctx context.Context) (bootstrap string, err error) {
	bootstrap = filepath.Join(b.dir, "bootstrap")
	build := exec.CommandContext(
		ctx,
		"go",
		"build",
		"-trimpath",
		"-tags",
		"lambda.norpc",
		"-ldflags",
		"-s -w",
		"-o",
		bootstrap,
		"./cmd/lambda",
	)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return bootstrap, nil
}

// sizes prints the sizes of the function's binary and archive.
func (b *bench) sizes(ctx context.Context, bootstrap string) error {
	if out, err := exec.CommandContext(ctx, "make", "-s", "lambda").CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	zip, err := os.Stat("bin/lambda.zip")
	if err != nil {
		return err
	}
	binary, err := os.Stat(bootstrap)
	if err != nil {
		return err
	}
	printRow(
		"  its zip, MB",
		"",
		float64(zip.Size())/1e6,
		"",
		atMost(6),
		fmt.Sprintf("the binary %.1f MB", float64(binary.Size())/1e6),
	)
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
