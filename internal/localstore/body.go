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

// wholeBodies rejects incomplete bodies. versitygw v1.8.0 takes a lost connection for the body's end and stores what
// it has (https://github.com/versity/versitygw/issues/2414).
type wholeBodies struct{ folder }

func (b wholeBodies) PutObject(ctx context.Context, in s3response.PutObjectInput) (s3response.PutObjectOutput, error) {
	in.Body = wholeBody(in.Body, in.ContentLength)
	return b.folder.PutObject(ctx, in)
}

func (b wholeBodies) UploadPart(ctx context.Context, in *s3.UploadPartInput) (*s3.UploadPartOutput, error) {
	in.Body = wholeBody(in.Body, in.ContentLength)
	return b.Posix.UploadPart(ctx, in)
}

// ListParts lists all parts or fails. versitygw omits parts that disappear while it lists them; once a completion has
// renamed the upload's folder, that is every part.
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

// wholeBody keeps the method by which the backend finds a trailing checksum. The file of a form ends by itself, and
// its declared length is only a maximum.
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

// countedBody returns IncompleteBody unless it has exactly the declared length.
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

// checksummedBody is a countedBody with a trailing checksum.
type checksummedBody struct {
	*countedBody
	sum middlewares.ChecksumReader
}

func (b checksummedBody) Algorithm() string { return b.sum.Algorithm() }
func (b checksummedBody) Checksum() string  { return b.sum.Checksum() }
