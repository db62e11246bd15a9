package bucket

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/s3limits"
)

// ListedObject is what a list contains about an object.
type ListedObject struct {
	Key          string
	Size         int64  // bytes
	ETag         string // with quotes, unless the store omits them
	LastModified time.Time
}

// ListObjects returns up to limit (1 to 1,000) objects whose keys have prefix, after the key after, in ascending order.
// If there are more objects, more is true.
func (b *Bucket) ListObjects(
	ctx context.Context, prefix, after string, limit int,
) (objects []ListedObject, more bool, err error) {
	in := &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix, MaxKeys: aws.Int32(int32(limit))}
	if after != "" {
		in.StartAfter = &after
	}
	out, err := invoke(ctx, b.shortCall("ListObjectsV2", prefix), b.client.ListObjectsV2, in)
	if err != nil {
		return nil, false, err
	}
	for _, object := range out.Contents {
		objects = append(objects, ListedObject{
			aws.ToString(object.Key), aws.ToInt64(object.Size), aws.ToString(object.ETag), aws.ToTime(object.LastModified),
		})
	}
	return objects, aws.ToBool(out.IsTruncated), nil
}

// List is ListObjects for callers that need the keys only.
func (b *Bucket) List(ctx context.Context, prefix, after string, limit int) (keys []string, more bool, err error) {
	objects, more, err := b.ListObjects(ctx, prefix, after, limit)
	for _, object := range objects {
		keys = append(keys, object.Key)
	}
	return keys, more, err
}

// Delete removes an object. A missing object is not an error.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	in := &s3.DeleteObjectInput{Bucket: &b.name, Key: &key}
	_, err := invoke(ctx, b.removalCall("DeleteObject", key), b.client.DeleteObject, in)
	if errors.Is(err, ErrNotFound) {
		return nil // some stores return it, S3 does not
	}
	return err
}

// ListFolders returns up to 1,000 folders directly below prefix after the folder after, each with prefix and a
// trailing slash. If there are more folders, more is true.
func (b *Bucket) ListFolders(ctx context.Context, prefix, after string) (folders []string, more bool, err error) {
	in := &s3.ListObjectsV2Input{
		Bucket: &b.name, Prefix: &prefix, Delimiter: aws.String("/"), MaxKeys: aws.Int32(s3limits.MaxListed),
	}
	if after != "" {
		in.StartAfter = aws.String(after + "\U0010FFFF") // after all keys in the folder
	}
	out, err := invoke(ctx, b.shortCall("ListObjectsV2", prefix), b.client.ListObjectsV2, in)
	if err != nil {
		return nil, false, err
	}
	for _, folder := range out.CommonPrefixes {
		folders = append(folders, aws.ToString(folder.Prefix))
	}
	return folders, aws.ToBool(out.IsTruncated), nil
}
