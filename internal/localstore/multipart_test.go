package localstore_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func TestMultipartByURLs(t *testing.T) {
	s := start(t, t.TempDir())
	c, bucket, key := client(s), aws.String(s.Bucket()), aws.String("k")
	created, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	parts := []string{strings.Repeat("a", 5<<20), "the rest"}
	for i, content := range parts {
		req := presign(t, s, "PUT", fmt.Sprintf("k?partNumber=%d&uploadId=%s", i+1, *created.UploadId), time.Now())
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(content)), int64(len(content))
		if status, code, _ := send(t, req); status != http.StatusOK {
			t.Fatalf("part %d = %d %s", i+1, status, code)
		}
	}
	listed, err := c.ListParts(t.Context(), &s3.ListPartsInput{Bucket: bucket, Key: key, UploadId: created.UploadId})
	if err != nil {
		t.Fatal(err)
	}
	var done []types.CompletedPart
	for _, p := range listed.Parts {
		done = append(done, types.CompletedPart{PartNumber: p.PartNumber, ETag: p.ETag})
	}
	complete := func(size int) string {
		_, err := c.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
			Bucket: bucket, Key: key, UploadId: created.UploadId, IfNoneMatch: aws.String("*"),
			MpuObjectSize:   aws.Int64(int64(size)),
			MultipartUpload: &types.CompletedMultipartUpload{Parts: done},
		})
		return apiCode(err)
	}
	whole := strings.Join(parts, "")
	if code := complete(len(whole) + 1); code == "" {
		t.Error("completed with a wrong size")
	}
	if code := complete(len(whole)); code != "" {
		t.Fatalf("complete = %s", code)
	}
	if got, _ := stored(t, s, "k"); got != whole {
		t.Errorf("stored %d bytes that differ from the %d sent", len(got), len(whole))
	}
	if code := complete(len(whole)); code != "" { // as S3 answers for a while
		t.Errorf("complete again = %s", code)
	}
}
