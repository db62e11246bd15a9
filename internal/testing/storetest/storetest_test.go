package storetest_test

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

func TestOpenIsShared(t *testing.T) {
	first, second := storetest.Open(t), storetest.Open(t)
	if first.Store != second.Store || first.Bucket != second.Bucket {
		t.Fatalf("two calls gave %v and %v", first, second)
	}
	c := s3.NewFromConfig(first.AWS, func(o *s3.Options) { o.UsePathStyle = first.PathStyle })
	key := aws.String("storetest/" + t.Name())
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &first.Bucket, Key: key, Body: strings.NewReader("hello"),
	}); err != nil {
		t.Fatalf("PutObject: %v", err)
	}
	out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &second.Bucket, Key: key})
	if err != nil {
		t.Fatalf("GetObject: %v", err)
	}
	defer out.Body.Close()
	if got, err := io.ReadAll(out.Body); err != nil || string(got) != "hello" {
		t.Errorf("content = %q, %v, want hello", got, err)
	}
}
