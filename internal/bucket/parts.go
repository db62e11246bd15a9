package bucket

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/signpost-s3/signpost/internal/s3limits"
	"github.com/signpost-s3/signpost/internal/sigv4"
)

// Part is a planned or an uploaded part.
type Part struct {
	Number   int32
	Size     int64 // bytes
	ETag     string
	Checksum string // base64, of Multipart.Algorithm
	Lost     bool   // the store lists it, but cannot assemble it: it has to be sent again
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
	more = aws.ToBool(out.IsTruncated)
	listed := newestParts(slices.DeleteFunc(out.Parts, func(p types.Part) bool {
		return aws.ToInt32(p.PartNumber) <= after // older versions of SeaweedFS repeat the part of the marker
	}))
	if more && !b.amazon && len(listed) > 1 { // the next page may have a newer part of the last number
		listed = listed[:len(listed)-1]
	}
	parts = make([]Part, 0, len(listed))
	for _, p := range listed {
		sum := checksumField(m.Algorithm, &p.ChecksumCRC64NVME, &p.ChecksumCRC32C, &p.ChecksumCRC32)
		parts = append(parts, Part{
			Number: *p.PartNumber, Size: aws.ToInt64(p.Size), ETag: aws.ToString(p.ETag), Checksum: aws.ToString(*sum),
			// Of a part that too few nodes have, MinIO knows only that it was sent.
			Lost: strings.Trim(aws.ToString(p.ETag), `"`) == "",
		})
	}
	return parts, more, nil
}

// newestParts returns one part of each number. SeaweedFS lists a part once for each time that it was sent, with times
// in whole seconds. If two of the newest differ, it is unknown which one counts: the part has no ETag, and so is lost.
func newestParts(listed []types.Part) []types.Part {
	var newest []types.Part
	for _, p := range listed {
		last := len(newest) - 1
		switch {
		case last < 0 || *newest[last].PartNumber != *p.PartNumber:
			newest = append(newest, p)
		case aws.ToTime(p.LastModified).After(aws.ToTime(newest[last].LastModified)):
			newest[last] = p
		case aws.ToTime(p.LastModified).Equal(aws.ToTime(newest[last].LastModified)) &&
			aws.ToString(p.ETag) != aws.ToString(newest[last].ETag):
			newest[last].ETag = nil
		}
	}
	return newest
}

// AllParts returns all uploaded parts in ascending order, by at most ten calls (S3 permits 10,000 parts).
func (b *Bucket) AllParts(ctx context.Context, m Multipart) ([]Part, error) {
	var all []Part
	for more, after := true, int32(0); more; {
		parts, rest, err := b.ListParts(ctx, m, after)
		if err != nil {
			return nil, err
		}
		if rest && len(parts) == 0 { // a shorter list would pass for that of a shorter file
			return nil, fmt.Errorf("ListParts %s: %w: no part after %d, but more", m.Key, ErrUnavailable, after)
		}
		all = append(all, parts...)
		if more = rest; more {
			after = parts[len(parts)-1].Number
		}
	}
	slices.SortFunc(all, func(a, b Part) int { return int(a.Number - b.Number) }) // SeaweedFS lists 10000 before 1000
	return all, nil
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
