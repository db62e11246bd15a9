package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// CreateMultipart creates a multipart upload for u and returns its id. With u.Checksum.Algorithm, the store requires
// that checksum for every part and keeps one of the whole object.
func (b *Bucket) CreateMultipart(ctx context.Context, u Upload) (string, error) {
	in := &s3.CreateMultipartUploadInput{Bucket: &b.name, Key: &u.Key, Metadata: u.Metadata}
	if u.ContentType != "" {
		in.ContentType = &u.ContentType
	}
	if u.ContentDisposition != "" {
		in.ContentDisposition = &u.ContentDisposition
	}
	if u.Checksum.Algorithm != "" {
		in.ChecksumAlgorithm = types.ChecksumAlgorithm(strings.ToUpper(u.Checksum.Algorithm))
		in.ChecksumType = types.ChecksumTypeFullObject
	}
	out, err := invoke(ctx, b.shortCall("CreateMultipartUpload", u.Key), b.client.CreateMultipartUpload, in)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.UploadId), nil
}

// Multipart is a multipart upload in progress. If it has an Algorithm (crc64nvme, crc32c or crc32), the store
// requires that checksum for every part.
type Multipart struct{ Key, UploadID, Algorithm string }

// CompleteMultipart assembles the object from its parts, unless its key exists. Whole is the checksum of the whole
// object, by m's algorithm, or empty. Only ctx limits the time: a store may need minutes for thousands of parts.
//
// Errors:
//   - ErrNotFound: the upload is completed or aborted.
//   - ErrChanged: the key exists.
//   - ErrBadPart: a part differs from the listed one.
//   - ErrBadChecksum: the object would have another checksum. The parts are kept.
//   - ErrNotCompleted: the store failed. The parts are kept.
func (b *Bucket) CompleteMultipart(ctx context.Context, m Multipart, parts []Part, whole string) error {
	in := &s3.CompleteMultipartUploadInput{
		Bucket: &b.name, Key: &m.Key, UploadId: &m.UploadID, IfNoneMatch: aws.String("*"),
	}
	var size int64
	completed := make([]types.CompletedPart, len(parts))
	for i, p := range parts {
		size += p.Size
		c := &completed[i]
		c.PartNumber, c.ETag = &p.Number, &p.ETag
		if p.Checksum != "" {
			*checksumField(m.Algorithm, &c.ChecksumCRC64NVME, &c.ChecksumCRC32C, &c.ChecksumCRC32) = &p.Checksum
		}
	}
	in.MultipartUpload, in.MpuObjectSize = &types.CompletedMultipartUpload{Parts: completed}, &size
	if m.Algorithm != "" && whole != "" {
		in.ChecksumType = types.ChecksumTypeFullObject
		*checksumField(m.Algorithm, &in.ChecksumCRC64NVME, &in.ChecksumCRC32C, &in.ChecksumCRC32) = &whole
	}
	return b.unlimitedCall("CompleteMultipartUpload", m.Key).run(ctx, func(ctx context.Context) error {
		_, err := b.client.CompleteMultipartUpload(ctx, in, func(o *s3.Options) { o.Retryer = completionRetryer() })
		if completionFailed(err) {
			return fmt.Errorf("%w: %s", ErrNotCompleted, err) // not ErrUnavailable, so that no caller retries it
		}
		return err
	})
}

// completionFailed reports whether the store started a completion and failed: with 500, or with InternalError within
// a 200.
func completionFailed(err error) bool {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "InternalError" {
		return true
	}
	// Every error within a 200 has the status 500, so the code is checked first.
	var response *awshttp.ResponseError
	return isCompleteAnswer(err) && kindOf(err) == ErrUnavailable &&
		errors.As(err, &response) && response.HTTPStatusCode() == http.StatusInternalServerError
}

// completionRetryer retries a completion only if the store did not start it. Stores that copy the parts into the
// object would copy all of them again.
func completionRetryer() aws.Retryer {
	return retry.NewStandard(func(r *retry.StandardOptions) {
		r.MaxAttempts = maxAttempts
		r.MaxBackoff = maxBackoff
		r.Retryables = []retry.IsErrorRetryable{
			// A store that received the request answers the retry with NoSuchUpload or a conflict.
			retry.RetryableConnectionError{},
			retry.RetryableErrorCode{Codes: map[string]struct{}{
				"SlowDown": {}, "ServiceUnavailable": {}, "ConditionalRequestConflict": {}, "OperationAborted": {},
			}},
		}
	})
}

// AbortMultipart removes the parts. A missing upload is not an error.
func (b *Bucket) AbortMultipart(ctx context.Context, m Multipart) error {
	in := &s3.AbortMultipartUploadInput{Bucket: &b.name, Key: &m.Key, UploadId: &m.UploadID}
	_, err := invoke(ctx, b.removalCall("AbortMultipartUpload", m.Key), b.client.AbortMultipartUpload, in)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
