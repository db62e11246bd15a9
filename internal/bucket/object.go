package bucket

import (
	"bytes"
	"context"
	"io"
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
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		return Object{}, classify("head "+key, err)
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

// maxRecord bounds a record. The largest honest one holds 2 kB of metadata and a name of 255 characters.
const maxRecord = 64 << 10

// Record is a small object of the service's own, with the ETag that conditional writes need.
type Record struct {
	Body []byte
	ETag string
}

// ReadRecord returns the record at key: ErrNotFound where there is none.
func (b *Bucket) ReadRecord(ctx context.Context, key string) (Record, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		return Record{}, classify("read "+key, err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(io.LimitReader(out.Body, maxRecord))
	if err != nil {
		return Record{}, classify("read "+key, err)
	}
	return Record{Body: body, ETag: aws.ToString(out.ETag)}, nil
}

// CreateRecord writes body to key unless there is a record: ErrChanged then. A lost answer and the retry after it also end in
// ErrChanged, so that the caller reads before it concludes.
func (b *Bucket) CreateRecord(ctx context.Context, key string, body []byte) error {
	_, err := b.putRecord(ctx, &s3.PutObjectInput{Key: &key, IfNoneMatch: aws.String("*")}, body)
	return err
}

// ReplaceRecord writes body over the record that has etag, and returns the new one: ErrChanged when it has another by now.
func (b *Bucket) ReplaceRecord(ctx context.Context, key, etag string, body []byte) (string, error) {
	return b.putRecord(ctx, &s3.PutObjectInput{Key: &key, IfMatch: &etag}, body)
}

func (b *Bucket) putRecord(ctx context.Context, in *s3.PutObjectInput, body []byte) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	in.Bucket, in.Body, in.ContentType = &b.name, bytes.NewReader(body), aws.String("application/json")
	out, err := b.client.PutObject(ctx, in)
	if err != nil {
		return "", classify("write "+*in.Key, err)
	}
	return aws.ToString(out.ETag), nil
}
