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

// pythonFunction is what a team would write instead: boto3 signs a URL. It receives events as our function does, but
// without the rest of the runtime that Lambda has for Python, which costs more.
const pythonFunction = `
import json, os, urllib.request, uuid
import boto3
s3 = boto3.client("s3")
invocation = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(invocation + "next") as event:
        id = event.headers["Lambda-Runtime-Aws-Request-Id"]
        json.load(event)
    parameters = {"Bucket": "bucket", "Key": "imports/" + str(uuid.uuid4())}
    url = s3.generate_presigned_url("put_object", Params=parameters, ExpiresIn=3600)
    answer = json.dumps({"statusCode": 200, "body": json.dumps({"upload_url": url})}).encode()
    urllib.request.urlopen(urllib.request.Request(invocation + id + "/response", answer)).close()
`

// BenchmarkLambda measures the time from the start of a function's process to its first response.
func BenchmarkLambda(b *testing.B) {
	eachFunction(b, func(b *testing.B, bootstrap string) {
		for b.Loop() {
			function := startFunction(b, bootstrap, []string{"SIGNPOST_BUCKET=bucket"})
			invoke(b, function, bareEvent)
			b.StopTimer()
			if err := function.Stop(); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
}

// BenchmarkLambdaCall measures calls of a function that has started.
func BenchmarkLambdaCall(b *testing.B) {
	eachFunction(b, func(b *testing.B, bootstrap string) {
		function := startFunction(b, bootstrap, []string{"SIGNPOST_BUCKET=bucket"})
		defer function.Stop()
		invoke(b, function, bareEvent)
		for b.Loop() {
			invoke(b, function, bareEvent)
		}
	})
}

// BenchmarkLambdaArchive reports the size of the archive that is deployed.
func BenchmarkLambdaArchive(b *testing.B) {
	if out, err := exec.Command("make", "-s", "lambda").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	zip, err := os.Stat("bin/lambda.zip")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(zip.Size())/1e6, "MB")
}

// eachFunction runs a benchmark with our function, and with pythonFunction if there is Python with boto3.
func eachFunction(b *testing.B, run func(b *testing.B, bootstrap string)) {
	b.Run("signpost", func(b *testing.B) { run(b, buildFunction(b)) })
	b.Run("python", func(b *testing.B) {
		python, err := exec.Command("python3", "-c", "import sys, boto3; print(sys.executable)").Output()
		if err != nil {
			b.Skip("python3 with boto3 is missing")
		}
		path := filepath.Join(b.TempDir(), "bootstrap")
		if err := os.WriteFile(path, []byte("#!"+string(python)+pythonFunction), 0o700); err != nil {
			b.Fatal(err)
		}
		run(b, path)
	})
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
