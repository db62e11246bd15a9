package bucket

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// OpenUpload is a multipart upload that is neither completed nor aborted.
type OpenUpload struct {
	Multipart
	Initiated time.Time
}

// ListUploads returns up to limit (1 to 1,000) open uploads below prefix after the upload after. If there are more
// uploads, more is true.
func (b *Bucket) ListUploads(
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
	if err != nil {
		return nil, false, err
	}
	for _, u := range out.Uploads {
		upload := Multipart{Key: aws.ToString(u.Key), UploadID: aws.ToString(u.UploadId)}
		uploads = append(uploads, OpenUpload{upload, aws.ToTime(u.Initiated)})
	}
	return uploads, aws.ToBool(out.IsTruncated), nil
}
