package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/testing/lambdatest"
)

// bareEvent is an untracked POST /import as a REST API sends it.
const bareEvent = `{"resource":"/import","path":"/import","httpMethod":"POST","headers":{"Host":"api.example.com"},
	"requestContext":{"requestId":"4bd1c0f2","identity":{"apiKeyId":"abc","sourceIp":"192.0.2.1"}}}`

// BenchmarkLambda starts the function's binary repeatedly under a Runtime API, and then calls a warm one.
func BenchmarkLambda(b *testing.B) {
	bootstrap := buildFunction(b)
	var cold, warm []time.Duration
	for range b.N {
		for i := range 20 {
			began := time.Now()
			function := startFunction(b, bootstrap, []string{"SIGNPOST_BUCKET=bucket"})
			invoke(b, function, bareEvent)
			cold = append(cold, time.Since(began))
			for range 500 * (i / 19) { // only in the last round
				began := time.Now()
				invoke(b, function, bareEvent)
				warm = append(warm, time.Since(began))
			}
			if err := function.Stop(); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(milliseconds(median(cold)), "cold-ms")
	b.ReportMetric(milliseconds(median(warm)), "warm-ms")
	if out, err := exec.Command("make", "-s", "lambda").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	zip, err := os.Stat("bin/lambda.zip")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(zip.Size())/1e6, "zip-MB")
}

// buildFunction builds the function for this machine, and returns the path of its binary.
func buildFunction(b testing.TB) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "bootstrap")
	build := exec.Command("go", "build", "-trimpath", "-tags=lambda.norpc", "-ldflags=-s -w", "-o", path, "./cmd/lambda")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return path
}

func startFunction(b testing.TB, bootstrap string, env []string) *lambdatest.Runtime {
	b.Helper()
	function, err := lambdatest.Start(lambdatest.Options{Bootstrap: bootstrap, Env: env})
	if err != nil {
		b.Fatal(err)
	}
	return function
}

func invoke(b testing.TB, function *lambdatest.Runtime, event string) {
	b.Helper()
	if _, err := function.Invoke(b.Context(), []byte(event)); err != nil {
		b.Fatalf("%v\n%s", err, function.Log())
	}
}

func median(all []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(all))[len(all)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
