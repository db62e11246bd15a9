package bucket

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/s3limits"
)

// OpenUpload is a multipart upload that is neither completed nor aborted.
type OpenUpload struct {
	Multipart
	Initiated time.Time
}

// ListUploads returns up to limit (1 to 1,000) open uploads below prefix after the upload after. If there are more
// uploads, more is true.
//
// MinIO lists no upload below a prefix that is not a whole key. So unless the store is Amazon S3 or has listed an
// upload below a prefix, an empty list is not believed: all uploads of the bucket are listed, and filtered here.
func (b *Bucket) ListUploads(
	ctx context.Context, prefix string, after Multipart, limit int,
) (uploads []OpenUpload, more bool, err error) {
	uploads, more, err = b.listUploads(ctx, prefix, after, limit)
	if slices.ContainsFunc(uploads, func(u OpenUpload) bool { return u.Key != prefix }) {
		b.listsPrefixes.Store(true)
	}
	if err != nil || len(uploads) > 0 || b.listsPrefixes.Load() {
		return uploads, more, err
	}
	for more = true; more; {
		var page []OpenUpload
		page, more, err = b.listUploads(ctx, "", after, s3limits.MaxListed)
		if err != nil {
			return nil, false, err
		}
		for _, u := range page {
			if after = u.Multipart; !strings.HasPrefix(u.Key, prefix) {
				continue
			}
			if len(uploads) == limit {
				return uploads, true, nil
			}
			uploads = append(uploads, u)
		}
		more = more && len(page) > 0
	}
	return uploads, false, nil
}

func (b *Bucket) listUploads(
	ctx context.Context, prefix string, after Multipart, limit int,
) (uploads []OpenUpload, more bool, err error) {
	in := &s3.ListMultipartUploadsInput{Bucket: &b.name, Prefix: &prefix, MaxUploads: aws.Int32(int32(limit))}
	if after.Key != "" {
		in.KeyMarker = &after.Key
	}
	if after.UploadID != "" {
		in.UploadIdMarker = &after.UploadID
	}
	out, err := invoke(ctx, b.shortCall("ListMultipartUploads", prefix), b.client.ListMultipartUploads, in)
	if errors.Is(err, ErrNotFound) { // rclone has none, and says NoSuchUpload
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	for _, u := range out.Uploads {
		upload := Multipart{Key: aws.ToString(u.Key), UploadID: aws.ToString(u.UploadId)}
		uploads = append(uploads, OpenUpload{upload, aws.ToTime(u.Initiated)})
	}
	return uploads, aws.ToBool(out.IsTruncated), nil
}
