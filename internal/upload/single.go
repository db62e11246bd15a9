package upload

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/terminal"
)

// uploadSingle sends size bytes in one request. Each call of open returns a reader of all bytes.
func (t *transfer) uploadSingle(ctx context.Context, size int64, open func() (io.Reader, error)) (Result, error) {
	t.step = "read"
	if size <= maxBuffered {
		from, err := open()
		if err != nil {
			return Result{}, err
		}
		content, err := io.ReadAll(from)
		if err != nil {
			return Result{}, err
		}
		open = func() (io.Reader, error) { return bytes.NewReader(content), nil }
	}
	request := t.importRequest(size, client.ImportRequestModeSingle)
	if t.Checksum != None {
		sum, err := computeChecksum(ctx, t.Checksum, open)
		if err != nil {
			return Result{}, err
		}
		request.Checksum = &client.Checksum{Algorithm: client.ChecksumAlgorithm(t.Checksum), Value: &sum}
	}
	t.step = "create import"
	job, err := t.API.Create(ctx, request, "")
	if err != nil {
		return Result{}, err
	}
	if job.ID == nil || job.Upload == nil {
		return Result{}, errInvalidResponse
	}
	t.id = *job.ID
	t.OnEvent(Event{Kind: Started, File: t.name, ID: t.id, Total: size})
	t.step = "send"
	upload := job.Upload
	sign := func(ctx context.Context, renew bool) (signedRequest, error) {
		if renew { // reading the import signs a new request
			now, err := t.API.Read(ctx, t.id)
			if err != nil {
				return signedRequest{}, err
			}
			if upload = cmp.Or(now.Upload, upload); now.Upload == nil {
				return signedRequest{}, fmt.Errorf("%w: it is %s", errNotOpen, terminal.Line(string(statusOf(now))))
			}
		}
		return signedRequest{string(upload.Method), upload.URL, upload.Headers}, nil
	}
	etag, err := t.send(ctx, payload{0, size, open, sign})
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrChanged) {
		// The response of a successful attempt may have been lost.
		if now, e := t.API.Read(ctx, t.id); e == nil && statusOf(now) == client.JobStatusCompleted {
			job, etag, err = now, resultOf(now).ETag, nil
			// The failed attempt subtracted its bytes.
			t.OnEvent(Event{Kind: Progress, File: t.name, ID: t.id, Bytes: size, Total: size})
		}
	}
	if err == nil {
		err = t.checkUnchanged()
	}
	if errors.Is(err, ErrChanged) {
		t.abort(ctx)
	}
	if err != nil {
		return Result{}, err
	}
	if t.Wait {
		return t.waitTerminal(ctx)
	}
	result := resultOf(job)
	result.ETag, result.Size = etag, size
	return result, nil
}
