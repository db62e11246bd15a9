package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/testing/slowline"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// compareUploads runs compare.py, which calls this program for buckets and lines.
func compareUploads(ctx context.Context, rounds int, all bool) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	compare := exec.CommandContext(ctx, "python3", "internal/testing/bench/compare.py", self, strconv.Itoa(rounds))
	if all {
		compare.Args = append(compare.Args, "all")
	}
	compare.Cancel = func() error { return compare.Process.Signal(os.Interrupt) }
	compare.Stdout, compare.Stderr = os.Stdout, os.Stderr
	return compare.Run()
}

// holdBucket creates a bucket in the store of SIGNPOST_TEST_BUCKET, prints it, and deletes it when ctx ends.
func holdBucket(ctx context.Context) error {
	shared, err := storetest.Start()
	if err != nil {
		return err
	}
	credentials, err := shared.AWS.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	bucket, err := shared.New(ctx)
	if err != nil {
		return err
	}
	endpoint := aws.ToString(bucket.AWS.BaseEndpoint)
	if endpoint == "" {
		endpoint = "https://s3." + bucket.AWS.Region + ".amazonaws.com"
	}
	err = json.NewEncoder(os.Stdout).Encode(map[string]string{
		"endpoint": endpoint, "region": bucket.AWS.Region, "bucket": bucket.Bucket, "key": credentials.AccessKeyID,
		"secret": credentials.SecretAccessKey, "token": credentials.SessionToken,
	})
	<-ctx.Done()
	return errors.Join(err, bucket.Delete(context.WithoutCancel(ctx)))
}

// holdLine prints the URL of a slow line to the store at target, and keeps it until ctx ends.
func holdLine(ctx context.Context, target string, bytesPerSecond float64, latency time.Duration) error {
	line, err := slowline.Start(target, bytesPerSecond, latency)
	if err != nil {
		return err
	}
	fmt.Println(line.URL)
	<-ctx.Done()
	return line.Close()
}
