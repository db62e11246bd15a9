package bucket

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Object is what the store says of an object.
type Object struct {
	Size         int64
	ETag         string // quotes included
	VersionID    string
	LastModified time.Time
	Checksums    map[string]string // algorithm to base64, those the store keeps for the whole object
}

// Head asks for an object without its bytes.
func (b *Bucket) Head(ctx context.Context, key string) (Object, error) {
	out, err := invoke(ctx, b.shortCall("HeadObject", key), b.client.HeadObject, &s3.HeadObjectInput{Bucket: &b.name, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
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
		"sha256": out.ChecksumSHA256, "sha1": out.ChecksumSHA1, "crc32": out.ChecksumCRC32, "crc32c": out.ChecksumCRC32C, "crc64nvme": out.ChecksumCRC64NVME,
	} {
		// A checksum of checksums says "-" and the number of parts, whether or not the store tells its type.
		if value != nil && out.ChecksumType != types.ChecksumTypeComposite && !strings.Contains(*value, "-") {
			o.Checksums[algorithm] = *value
		}
	}
	return o, nil
}

// HasTags reports whether an object has tags.
func (b *Bucket) HasTags(ctx context.Context, key string) (bool, error) {
	out, err := invoke(ctx, b.shortCall("GetObjectTagging", key), b.client.GetObjectTagging, &s3.GetObjectTaggingInput{Bucket: &b.name, Key: &key})
	if err != nil {
		return false, err
	}
	return len(out.TagSet) > 0, nil
}
