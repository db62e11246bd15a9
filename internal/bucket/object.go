package bucket

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Object is the metadata of a stored object.
type Object struct {
	Size         int64
	ETag         string // with quotes
	VersionID    string
	LastModified time.Time
	Checksums    map[string]string // of the whole object: algorithm to base64
}

// Head returns an object's metadata.
func (b *Bucket) Head(ctx context.Context, key string) (Object, error) {
	in := &s3.HeadObjectInput{Bucket: &b.name, Key: &key, ChecksumMode: types.ChecksumModeEnabled}
	out, err := invoke(ctx, b.shortCall("HeadObject", key), b.client.HeadObject, in)
	if err != nil {
		return Object{}, err
	}
	o := Object{
		Size:         aws.ToInt64(out.ContentLength),
		ETag:         aws.ToString(out.ETag),
		VersionID:    aws.ToString(out.VersionId),
		LastModified: aws.ToTime(out.LastModified).UTC(),
		Checksums:    map[string]string{},
	}
	for algorithm, value := range map[string]*string{
		"sha256": out.ChecksumSHA256, "sha1": out.ChecksumSHA1,
		"crc32": out.ChecksumCRC32, "crc32c": out.ChecksumCRC32C, "crc64nvme": out.ChecksumCRC64NVME,
	} {
		// A composite checksum ends in "-" and the number of parts, even if the store omits its type.
		if value != nil && out.ChecksumType != types.ChecksumTypeComposite && !strings.Contains(*value, "-") {
			o.Checksums[algorithm] = *value
		}
	}
	return o, nil
}

// HasTags reports whether an object has tags.
func (b *Bucket) HasTags(ctx context.Context, key string) (bool, error) {
	in := &s3.GetObjectTaggingInput{Bucket: &b.name, Key: &key}
	out, err := invoke(ctx, b.shortCall("GetObjectTagging", key), b.client.GetObjectTagging, in)
	if err != nil {
		return false, err
	}
	return len(out.TagSet) > 0, nil
}
