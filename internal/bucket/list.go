package bucket

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// List returns up to limit (1 to 1,000) keys under prefix in ascending order, those after the key after; more says that there
// are others.
func (b *Bucket) List(ctx context.Context, prefix, after string, limit int) (keys []string, more bool, err error) {
	in := &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix, MaxKeys: aws.Int32(int32(limit))}
	if after != "" {
		in.StartAfter = &after
	}
	out, err := ask(ctx, b.quick("ListObjectsV2", prefix), b.client.ListObjectsV2, in)
	if err != nil {
		return nil, false, err
	}
	for _, object := range out.Contents {
		keys = append(keys, aws.ToString(object.Key))
	}
	return keys, aws.ToBool(out.IsTruncated), nil
}

// Delete removes an object. That there is none is no error.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	_, err := ask(ctx, b.slow("DeleteObject", key), b.client.DeleteObject, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key})
	if errors.Is(err, ErrNotFound) {
		return nil // some stores say so, S3 does not
	}
	return err
}
