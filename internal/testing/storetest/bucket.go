package storetest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/google/uuid"
)

// OpenNew returns a new, empty bucket in the same store as Open's. The test's end empties and deletes it.
func OpenNew(t testing.TB) Target {
	t.Helper()
	target, err := Open(t).New(t.Context())
	if err != nil {
		t.Fatalf("storetest: %v", err)
	}
	if target.Store == nil {
		t.Cleanup(func() {
			if err := target.Delete(context.WithoutCancel(t.Context())); err != nil {
				t.Errorf("storetest: %v", err)
			}
		})
	}
	return target
}

// New creates a bucket in the same store.
func (t Target) New(ctx context.Context) (Target, error) {
	t.Bucket = "test-" + strings.ReplaceAll(uuid.NewString(), "-", "")
	in := &s3.CreateBucketInput{Bucket: &t.Bucket}
	if region := t.AWS.Region; t.AWS.BaseEndpoint == nil && region != "us-east-1" {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{
			LocationConstraint: types.BucketLocationConstraint(region),
		}
	}
	_, err := t.Client().CreateBucket(ctx, in)
	return t, err
}

// Client returns a client of the store.
func (t Target) Client() *s3.Client {
	return s3.NewFromConfig(t.AWS, func(o *s3.Options) { o.UsePathStyle = t.PathStyle })
}

// Delete removes the bucket and its content. It begins again while the bucket is not empty, for at most 10 s: the store
// may still execute requests that a stopped server canceled.
func (t Target) Delete(ctx context.Context) error {
	for end := time.Now().Add(10 * time.Second); ; {
		err := t.deleteOnce(ctx)
		var e smithy.APIError
		if !errors.As(err, &e) || e.ErrorCode() != "BucketNotEmpty" || time.Now().After(end) {
			return err
		}
	}
}

func (t Target) deleteOnce(ctx context.Context) error {
	client := t.Client()
	uploads, err := client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &t.Bucket})
	if code := smithy.APIError(nil); errors.As(err, &code) && code.ErrorCode() == "NoSuchUpload" { // of rclone
		uploads, err = &s3.ListMultipartUploadsOutput{}, nil
	}
	if err != nil {
		return err
	}
	for _, u := range uploads.Uploads {
		in := &s3.AbortMultipartUploadInput{Bucket: &t.Bucket, Key: u.Key, UploadId: u.UploadId}
		if _, err := client.AbortMultipartUpload(ctx, in); err != nil {
			return err
		}
	}
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &t.Bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, o := range page.Contents {
			if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &t.Bucket, Key: o.Key}); err != nil {
				return err
			}
		}
	}
	_, err = client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &t.Bucket})
	return err
}
