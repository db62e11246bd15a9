package localstore

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/s3api/middlewares"
	"github.com/versity/versitygw/s3api/utils"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// wholeBodies stores a body only if all of it arrived. versitygw v1.8.0 takes a lost connection for the body's end
// and publishes what it has (https://github.com/versity/versitygw/issues/2414).
type wholeBodies struct{ folder }

func (b wholeBodies) PutObject(ctx context.Context, in s3response.PutObjectInput) (s3response.PutObjectOutput, error) {
	in.Body = wholeBody(in.Body, in.ContentLength)
	return b.folder.PutObject(ctx, in)
}

func (b wholeBodies) UploadPart(ctx context.Context, in *s3.UploadPartInput) (*s3.UploadPartOutput, error) {
	in.Body = wholeBody(in.Body, in.ContentLength)
	return b.Posix.UploadPart(ctx, in)
}

// ListParts lists all parts or none. Versitygw leaves out those that it does not find when it looks closer, which are all that are
// left once a completion has moved the upload aside.
func (b wholeBodies) ListParts(ctx context.Context, in *s3.ListPartsInput) (s3response.ListPartsResult, error) {
	listed, err := b.Posix.ListParts(ctx, in)
	if err != nil {
		return listed, err
	}
	if _, err := os.Stat(filepath.Join(*in.Bucket, uploadsOf(*in.Key), *in.UploadId)); err != nil {
		return s3response.ListPartsResult{}, s3err.GetNoSuchUploadErr(*in.UploadId)
	}
	return listed, nil
}

// wholeBody keeps what the backend looks for in a body: whether it carries a trailing checksum. The file of a form ends
// by itself, and its declared length is only the greatest possible.
func wholeBody(body io.Reader, length *int64) io.Reader {
	if _, form := body.(utils.MpFileReader); form || body == nil || length == nil {
		return body
	}
	counted := &countedBody{body: body, left: *length}
	if sum, ok := body.(middlewares.ChecksumReader); ok {
		return checksummedBody{counted, sum}
	}
	return counted
}

// countedBody ends in IncompleteBody unless it has exactly as many bytes as were declared.
type countedBody struct {
	body io.Reader
	left int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.left -= int64(n)
	var known s3err.S3Error
	if err == nil || errors.As(err, &known) || err == io.EOF && b.left == 0 {
		return n, err
	}
	return n, s3err.GetAPIError(s3err.ErrIncompleteBody)
}

// summedBody is a countedBody with the trailing checksum of the body within.
type checksummedBody struct {
	*countedBody
	sum middlewares.ChecksumReader
}

func (b checksummedBody) Algorithm() string { return b.sum.Algorithm() }
func (b checksummedBody) Checksum() string  { return b.sum.Checksum() }
