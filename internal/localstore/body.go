package localstore

import (
	"errors"
	"io"

	"github.com/versity/versitygw/s3api/middlewares"
	"github.com/versity/versitygw/s3api/utils"
	"github.com/versity/versitygw/s3err"
)

// wholeBody returns a body that fails unless it is complete. versitygw v1.8.0 takes a lost connection for the body's
// end and stores what it has (https://github.com/versity/versitygw/issues/2414). The file of a form ends by itself, and
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

// checksummedBody is a countedBody with a trailing checksum, which the backend finds by these methods.
type checksummedBody struct {
	*countedBody
	sum middlewares.ChecksumReader
}

func (b checksummedBody) Algorithm() string { return b.sum.Algorithm() }
func (b checksummedBody) Checksum() string  { return b.sum.Checksum() }
