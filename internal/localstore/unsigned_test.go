package localstore_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestUnsignedHeaders checks that x-amz-* headers that a presigned URL does not sign are rejected, as by S3.
// Otherwise a client with a URL for one object could read others (copy source), or set tags and ACLs. The service
// relies on it: serve does not probe the local store.
func TestUnsignedHeaders(t *testing.T) {
	s := start(t, t.TempDir())
	c, bucket := client(s), aws.String(s.Bucket())
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: bucket, Key: aws.String("imports/a/1"), Body: strings.NewReader("secret"),
	}); err != nil {
		t.Fatal(err)
	}
	begun, err := c.CreateMultipartUpload(
		t.Context(),
		&s3.CreateMultipartUploadInput{Bucket: bucket, Key: aws.String("imports/b/2")},
	)
	if err != nil {
		t.Fatal(err)
	}
	source := "/" + s.Bucket() + "/imports/a/1"
	for target, headers := range map[string][][2]string{
		"imports/b/1": {
			{"x-amz-copy-source", source}, {"X-AMZ-COPY-SOURCE", source}, {"x-amz-tagging", "a=b"}, {"x-amz-acl", "public-read"},
		},
		"imports/b/2?partNumber=1&uploadId=" + *begun.UploadId: {{"x-amz-copy-source", source}},
	} {
		for _, h := range headers {
			r := presign(t, s, http.MethodPut, target, time.Now())
			r.Header[h[0]] = []string{h[1]}
			if status, code, _ := send(t, r); status != http.StatusForbidden {
				t.Errorf("PUT %s with an unsigned %s: got %d %s, want 403", target, h[0], status, code)
			}
		}
	}
	if got, ok := stored(t, s, "imports/b/1"); ok {
		t.Errorf("stored %q, want nothing", got)
	}
	parts, err := c.ListParts(
		t.Context(),
		&s3.ListPartsInput{Bucket: bucket, Key: aws.String("imports/b/2"), UploadId: begun.UploadId},
	)
	if err != nil || len(parts.Parts) > 0 {
		t.Errorf("ListParts: got %d, %v, want none", len(parts.Parts), err)
	}
}
