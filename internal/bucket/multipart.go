package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/signpost-s3/signpost/internal/s3limits"
	"github.com/signpost-s3/signpost/internal/sigv4"
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

// Part is a planned or an uploaded part.
type Part struct {
	Number   int32
	Size     int64 // bytes
	ETag     string
	Checksum string // base64, of Multipart.Algorithm
}

// SignParts signs a PUT for each of parts, which may start between from and until. Either all parts have a size or
// none; the same holds for checksums.
func (b *Bucket) SignParts(
	ctx context.Context, m Multipart, parts []Part, from, until time.Time,
) ([]SignedRequest, error) {
	grant, err := newGrant(ctx, b.signing, from, until)
	if err != nil {
		return nil, fmt.Errorf("sign parts of %s: %w", m.Key, err)
	}
	var series *sigv4.Series
	signed := make([]SignedRequest, len(parts))
	headers := make([]sigv4.Header, 0, 2*len(parts)) // one allocation for all parts
	length, checksum := "", "x-amz-checksum-"+m.Algorithm
	for i, p := range parts {
		first := len(headers)
		if p.Size > 0 {
			if i == 0 || p.Size != parts[i-1].Size { // all parts but the last have the same size
				length = strconv.FormatInt(p.Size, 10)
			}
			headers = append(headers, sigv4.Header{Name: "content-length", Value: length})
		}
		if p.Checksum != "" {
			headers = append(headers, sigv4.Header{Name: checksum, Value: p.Checksum})
		}
		own := headers[first:]
		if i == 0 {
			series = b.signer.Series(grant.credentials, b.publicEndpoint, sigv4.Request{
				Method: "PUT",
				Key:    m.Key,
				Params: []sigv4.Param{
					{Name: "partNumber"}, {Name: "uploadId", Value: m.UploadID}, {Name: "x-id", Value: "UploadPart"},
				},
				Headers: own,
				Time:    grant.from,
				Expires: grant.lifetime,
			})
		}
		url := series.Presign(int64(p.Number), own)
		signed[i] = SignedRequest{Method: "PUT", URL: url, Headers: own, ExpiresAt: grant.until()}
	}
	b.hooks.signed(len(signed))
	return signed, nil
}

// ListParts returns up to 1,000 uploaded parts after number after, in ascending order. If there are more parts, more
// is true. ErrNotFound: the upload is completed, aborted, or was never created.
func (b *Bucket) ListParts(ctx context.Context, m Multipart, after int32) (parts []Part, more bool, err error) {
	out, err := invoke(ctx, b.shortCall("ListParts", m.Key), b.client.ListParts, &s3.ListPartsInput{
		Bucket: &b.name, Key: &m.Key, UploadId: &m.UploadID,
		MaxParts: aws.Int32(s3limits.MaxListed), PartNumberMarker: aws.String(strconv.Itoa(int(after))),
	})
	if err != nil {
		return nil, false, err
	}
	parts = make([]Part, len(out.Parts))
	for i, p := range out.Parts {
		sum := checksumField(m.Algorithm, &p.ChecksumCRC64NVME, &p.ChecksumCRC32C, &p.ChecksumCRC32)
		parts[i] = Part{aws.ToInt32(p.PartNumber), aws.ToInt64(p.Size), aws.ToString(p.ETag), aws.ToString(*sum)}
	}
	return parts, aws.ToBool(out.IsTruncated), nil
}

// AllParts returns all uploaded parts in ascending order, by at most ten calls (S3 permits 10,000 parts).
func (b *Bucket) AllParts(ctx context.Context, m Multipart) ([]Part, error) {
	var all []Part
	for more, after := true, int32(0); more; {
		parts, rest, err := b.ListParts(ctx, m, after)
		if err != nil {
			return nil, err
		}
		all = append(all, parts...)
		if more = rest && len(parts) > 0; more {
			after = parts[len(parts)-1].Number
		}
	}
	return all, nil
}

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

// checksumField returns the field of algorithm, or one that is in no structure.
func checksumField(algorithm string, crc64nvme, crc32c, crc32 **string) **string {
	switch algorithm {
	case "crc64nvme":
		return crc64nvme
	case "crc32c":
		return crc32c
	case "crc32":
		return crc32
	}
	return new(*string)
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
