package localstore_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestCopyObject checks that a copy has the content of its source.
func TestCopyObject(t *testing.T) {
	s := start(t, t.TempDir())
	c, bucket := client(s), aws.String(s.Bucket())
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: bucket, Key: aws.String("a"), Body: strings.NewReader("content"),
	}); err != nil {
		t.Fatal(err)
	}
	_, err := c.CopyObject(
		t.Context(),
		&s3.CopyObjectInput{Bucket: bucket, Key: aws.String("b"), CopySource: aws.String(s.Bucket() + "/a")},
	)
	if got, _ := stored(t, s, "b"); err != nil || got != "content" {
		t.Errorf("CopyObject: stored %q, %v, want the source's content", got, err)
	}
}
