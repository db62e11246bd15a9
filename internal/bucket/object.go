package bucket

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/signpost-s3/signpost/internal/sigv4"
)

// Object is the metadata of a stored object.
type Object struct {
	Size         int64
	ETag         string // with quotes
	VersionID    string
	LastModified time.Time
	Checksums    map[string]string // of the whole object: algorithm to base64
}

// Head returns an object's metadata, or ErrNotFound. See sendSigned for the two requests.
func (b *Bucket) Head(ctx context.Context, key string) (o Object, err error) {
	err = b.shortCall("HeadObject", key).run(ctx, func(ctx context.Context) error {
		mode := sigv4.Header{Name: "x-amz-checksum-mode", Value: string(types.ChecksumModeEnabled)}
		response, err := b.sendSigned(ctx, http.MethodHead, key, []sigv4.Header{mode}, nil)
		if err != nil {
			return err
		}
		if response != nil {
			response.Body.Close()
			switch modified, err := http.ParseTime(response.Header.Get("Last-Modified")); {
			case response.StatusCode == http.StatusNotFound:
				return ErrNotFound
			case response.StatusCode == http.StatusOK && err == nil && response.ContentLength >= 0:
				o = objectOf(response.ContentLength, modified, response.Header)
				return nil
			}
		}
		out, err := b.client.HeadObject(
			ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key, ChecksumMode: types.ChecksumModeEnabled},
		)
		if err != nil {
			return err
		}
		o = objectOf(
			aws.ToInt64(out.ContentLength), aws.ToTime(out.LastModified), responseHeader(out.ResultMetadata),
		)
		return nil
	})
	return o, err
}

// objectOf returns the metadata of an object with these headers.
func objectOf(size int64, modified time.Time, header http.Header) Object {
	o := Object{
		Size: size, ETag: header.Get("ETag"), VersionID: header.Get("x-amz-version-id"), LastModified: modified.UTC(),
		Checksums: map[string]string{},
	}
	for _, algorithm := range []string{"sha256", "sha1", "crc32", "crc32c", "crc64nvme"} {
		value := header.Get("x-amz-checksum-" + algorithm)
		// A composite checksum ends in "-" and the number of parts, even if the store omits its type.
		composite := header.Get("x-amz-checksum-type") == string(types.ChecksumTypeComposite) || strings.Contains(value, "-")
		if value != "" && !composite {
			o.Checksums[algorithm] = value
		}
	}
	return o
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
