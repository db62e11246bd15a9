package bucket

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/sigv4"
)

// maxRecord bounds a record. The largest honest one holds 2 kB of metadata and a name of 255 characters.
const maxRecord = 64 << 10

// Record is a small object of the service's own, with the ETag that conditional writes need.
type Record struct {
	Body []byte
	ETag string
}

// ReadRecord returns the record at key: ErrNotFound where there is none.
func (b *Bucket) ReadRecord(ctx context.Context, key string) (Record, error) {
	var record Record
	err := b.shortCall("GetObject", key).run(ctx, func(ctx context.Context) error {
		out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
		if err != nil {
			return err
		}
		defer out.Body.Close()
		record.ETag = aws.ToString(out.ETag)
		record.Body, err = io.ReadAll(io.LimitReader(out.Body, maxRecord))
		return err
	})
	if err != nil {
		return Record{}, err
	}
	return record, nil
}

// CreateRecord writes body to key unless there is a record: ErrChanged then. A lost answer and the retry after it also end in
// ErrChanged, so that the caller reads before it concludes.
func (b *Bucket) CreateRecord(ctx context.Context, key string, body []byte) error {
	_, err := b.putRecord(ctx, key, "", body)
	return err
}

// ReplaceRecord writes body over the record that has etag, and returns the new one: ErrChanged when it has another by now.
func (b *Bucket) ReplaceRecord(ctx context.Context, key, etag string, body []byte) (string, error) {
	return b.putRecord(ctx, key, etag, body)
}

// putRecord writes over the record that has etag or, where that is empty, where there is none. The write that each tracked import
// costs is first tried with a signature of our own, for a tenth of the SDK's work; whatever is not plain success or refusal is
// left to the SDK, with its retries and its knowledge of errors. Together they are one call, as a retry of the SDK's is none.
func (b *Bucket) putRecord(ctx context.Context, key, etag string, body []byte) (string, error) {
	var written string
	err := b.shortCall("PutObject", key).run(ctx, func(ctx context.Context) (err error) {
		var status int
		status, written, err = b.putSigned(ctx, key, etag, body)
		switch {
		case status == http.StatusOK:
			return nil
		case status == http.StatusPreconditionFailed:
			return ErrChanged
		case errors.Is(err, context.DeadlineExceeded): // the time went by waiting for credentials
			return err
		}
		written, err = b.putBySDK(ctx, key, etag, body)
		return err
	})
	return written, err
}

func (b *Bucket) putBySDK(ctx context.Context, key, etag string, body []byte) (written string, err error) {
	in := &s3.PutObjectInput{Bucket: &b.name, Key: &key, Body: bytes.NewReader(body), ContentType: aws.String("application/json")}
	if etag == "" {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = &etag
	}
	out, err := b.client.PutObject(ctx, in)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.ETag), nil
}

// tryLife is how long such a signature is good for: a clock may be slow by as much. Nobody but tryPut ever sees it.
const putSignedLifetime = 10 * time.Minute

// tryPut is putRecord's first attempt: the status of the answer, 0 without one, and the ETag written. An error says why it could
// not be signed.
func (b *Bucket) putSigned(ctx context.Context, key, etag string, body []byte) (status int, written string, err error) {
	now := time.Now()
	grant, err := newGrant(ctx, b.creds, now, now.Add(putSignedLifetime))
	if err != nil {
		return 0, "", err
	}
	condition := sigv4.Header{Name: "if-none-match", Value: "*"}
	if etag != "" {
		condition = sigv4.Header{Name: "if-match", Value: etag}
	}
	sum := sha256.Sum256(body) // without it, the signature would not cover the body
	headers := []sigv4.Header{
		{Name: "content-type", Value: "application/json"}, condition,
		{Name: "x-amz-checksum-sha256", Value: base64.StdEncoding.EncodeToString(sum[:])},
	}
	url := b.signer.Presign(grant.credentials, b.internalEndpoint, sigv4.Request{Method: http.MethodPut, Key: key, Headers: headers, Time: grant.from, Expires: grant.lifetime})
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, url.Reveal(), bytes.NewReader(body))
	if err != nil {
		return 0, "", nil
	}
	for _, h := range headers {
		request.Header.Set(h.Name, h.Value)
	}
	request.Header.Set("User-Agent", "signpost"+userAgentSuffix(ctx))
	response, err := b.httpClient.Do(request)
	if err != nil {
		return 0, "", nil
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxRecord)) // so that the connection can be used again
	return response.StatusCode, response.Header.Get("ETag"), nil
}
