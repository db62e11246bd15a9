package localstore

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3response"
)

// hold keeps the side files of an object while a request writes it: they are written before the object is at its path.
func (f folder) hold(bucket, key *string) (release func()) {
	if f.large == nil || bucket == nil || key == nil {
		return func() {}
	}
	return f.large.hold(*bucket, *key)
}

func (f folder) PutObject(ctx context.Context, in s3response.PutObjectInput) (s3response.PutObjectOutput, error) {
	defer f.hold(in.Bucket, in.Key)()
	return f.Posix.PutObject(ctx, in)
}

func (f folder) CopyObject(ctx context.Context, in s3response.CopyObjectInput) (s3response.CopyObjectOutput, error) {
	defer f.hold(in.Bucket, in.Key)()
	return f.Posix.CopyObject(ctx, in)
}

// CompleteMultipartUpload also removes the side files of the upload, which versitygw does not.
func (f folder) CompleteMultipartUpload(
	ctx context.Context, in *s3.CompleteMultipartUploadInput,
) (s3response.CompleteMultipartUploadResult, string, error) {
	defer f.hold(in.Bucket, in.Key)()
	if f.large != nil && in.Key != nil && in.UploadId != nil {
		upload := filepath.Join(uploadsOf(*in.Key), *in.UploadId)
		defer f.large.DeleteAttributes(*in.Bucket, upload) //nolint:errcheck // always nil
	}
	return f.Posix.CompleteMultipartUpload(ctx, in)
}

// uploadsOf returns the folder of a key's multipart uploads, relative to the bucket's.
func uploadsOf(key string) string {
	return filepath.Join(posix.MetaTmpMultipartDir, fmt.Sprintf("%x", sha256.Sum256([]byte(key))))
}
