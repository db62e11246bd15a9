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

	"github.com/signpost-s3/signpost/internal/sigv4"
)

// CreateMultipart begins a multipart upload of u and returns its id. Where u.Checksum names an algorithm, the store demands that
// checksum of every part and keeps one of the whole object.
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

// Multipart is a multipart upload under way. Where Algorithm (crc64nvme, crc32c or crc32) was declared for it, the store demands
// that checksum of every part.
type Multipart struct{ Key, UploadID, Algorithm string }

// Part is one part of it: as planned, or as the store has it.
type Part struct {
	Number   int32
	Size     int64 // bytes
	ETag     string
	Checksum string // base64, of the upload's Algorithm
}

// SignParts signs one PUT for each of parts, to begin between from and until. The sizes of all parts are known, or of none; all
// have a checksum, or none.
func (b *Bucket) SignParts(ctx context.Context, m Multipart, parts []Part, from, until time.Time) ([]SignedRequest, error) {
	grant, err := newGrant(ctx, b.signing, from, until)
	if err != nil {
		return nil, fmt.Errorf("sign parts of %s: %w", m.Key, err)
	}
	var series *sigv4.Series
	signed := make([]SignedRequest, len(parts))
	headers := make([]sigv4.Header, 0, 2*len(parts)) // of all parts, in one piece of memory
	length, checksum := "", "x-amz-checksum-"+m.Algorithm
	for i, p := range parts {
		first := len(headers)
		if p.Size > 0 {
			if i == 0 || p.Size != parts[i-1].Size { // equal but for the last
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
				Method:  "PUT",
				Key:     m.Key,
				Params:  []sigv4.Param{{Name: "partNumber"}, {Name: "uploadId", Value: m.UploadID}, {Name: "x-id", Value: "UploadPart"}},
				Headers: own,
				Time:    grant.from,
				Expires: grant.lifetime,
			})
		}
		signed[i] = SignedRequest{Method: "PUT", URL: series.Presign(int64(p.Number), own), Headers: own, ExpiresAt: grant.until()}
	}
	b.hooks.signed(len(signed))
	return signed, nil
}

// MaxListed is how many objects, parts or uploads S3 lists in one response.
const MaxListed = 1000

// ListParts returns up to 1,000 parts that the store holds, in order, from the one after number after; more says that there are
// others. ErrNotFound: the upload is completed, aborted, or was never begun.
func (b *Bucket) ListParts(ctx context.Context, m Multipart, after int32) (parts []Part, more bool, err error) {
	out, err := invoke(ctx, b.shortCall("ListParts", m.Key), b.client.ListParts, &s3.ListPartsInput{
		Bucket: &b.name, Key: &m.Key, UploadId: &m.UploadID, MaxParts: aws.Int32(MaxListed), PartNumberMarker: aws.String(strconv.Itoa(int(after))),
	})
	if err != nil {
		return nil, false, err
	}
	parts = make([]Part, 0, len(out.Parts))
	for _, p := range out.Parts {
		part := Part{Number: aws.ToInt32(p.PartNumber), Size: aws.ToInt64(p.Size), ETag: aws.ToString(p.ETag)}
		switch m.Algorithm {
		case "crc64nvme":
			part.Checksum = aws.ToString(p.ChecksumCRC64NVME)
		case "crc32c":
			part.Checksum = aws.ToString(p.ChecksumCRC32C)
		case "crc32":
			part.Checksum = aws.ToString(p.ChecksumCRC32)
		}
		parts = append(parts, part)
	}
	return parts, aws.ToBool(out.IsTruncated), nil
}

// AllParts returns every part that the store holds, in order: at most ten calls, as there are at most 10,000.
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

// CompleteMultipart makes the object of parts, unless there is one at its key. Whole is the checksum of the whole object, of m's
// algorithm, where it is known. It takes as long as ctx lets it: a store may need minutes for thousands of parts.
//
// ErrNotFound: the upload is gone, completed or aborted. ErrChanged: there is an object. ErrBadPart: a part is not what was
// listed. ErrBadChecksum: the object would have another checksum; the parts are still there.
// ErrNotCompleted: the store failed; the parts are still there.
func (b *Bucket) CompleteMultipart(ctx context.Context, m Multipart, parts []Part, whole string) error {
	in := &s3.CompleteMultipartUploadInput{Bucket: &b.name, Key: &m.Key, UploadId: &m.UploadID, IfNoneMatch: aws.String("*")}
	var size int64
	completed := make([]types.CompletedPart, len(parts))
	for i, p := range parts {
		size += p.Size
		c := &completed[i]
		c.PartNumber, c.ETag = &p.Number, &p.ETag
		if p.Checksum != "" {
			setCRC(m.Algorithm, &p.Checksum, &c.ChecksumCRC64NVME, &c.ChecksumCRC32C, &c.ChecksumCRC32)
		}
	}
	in.MultipartUpload, in.MpuObjectSize = &types.CompletedMultipartUpload{Parts: completed}, &size
	if m.Algorithm != "" && whole != "" {
		in.ChecksumType = types.ChecksumTypeFullObject
		setCRC(m.Algorithm, &whole, &in.ChecksumCRC64NVME, &in.ChecksumCRC32C, &in.ChecksumCRC32)
	}
	return b.unlimitedCall("CompleteMultipartUpload", m.Key).run(ctx, func(ctx context.Context) error {
		_, err := b.client.CompleteMultipartUpload(ctx, in, func(o *s3.Options) { o.Retryer = completionRetryer() })
		if completionFailed(err) {
			return fmt.Errorf("%w: %s", ErrNotCompleted, err) // no longer ErrUnavailable, so that no caller repeats it
		}
		return err
	})
}

// hasFailed reports whether the store began a completion and failed: with 500 or, where it answered 200 before that, InternalError.
func completionFailed(err error) bool {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "InternalError" {
		return true
	}
	var response *awshttp.ResponseError // its status is 500 for every error within a 200, so the code comes first
	return isCompleteAnswer(err) && kindOf(err) == ErrUnavailable && errors.As(err, &response) && response.HTTPStatusCode() == http.StatusInternalServerError
}

// tryAgain retries a completion only if the store asks for that before it begins. Stores that copy the parts into the object would copy
// all of them again.
func completionRetryer() aws.Retryer {
	return retry.NewStandard(func(r *retry.StandardOptions) {
		r.MaxAttempts = maxAttempts
		r.MaxBackoff = maxBackoff
		r.Retryables = []retry.IsErrorRetryable{
			retry.RetryableConnectionError{}, // a store that received the request answers the next one with NoSuchUpload or a conflict
			retry.RetryableErrorCode{Codes: map[string]struct{}{
				"SlowDown": {}, "ServiceUnavailable": {}, "ConditionalRequestConflict": {}, "OperationAborted": {},
			}},
		}
	})
}

// setCRC puts value in the field of its algorithm.
func setCRC(algorithm string, value *string, crc64nvme, crc32c, crc32 **string) {
	switch algorithm {
	case "crc64nvme":
		*crc64nvme = value
	case "crc32c":
		*crc32c = value
	case "crc32":
		*crc32 = value
	}
}

// AbortMultipart frees the parts. That the upload is gone is no error.
func (b *Bucket) AbortMultipart(ctx context.Context, m Multipart) error {
	_, err := invoke(ctx, b.removalCall("AbortMultipartUpload", m.Key), b.client.AbortMultipartUpload, &s3.AbortMultipartUploadInput{Bucket: &b.name, Key: &m.Key, UploadId: &m.UploadID})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
