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

// single sends size bytes in one request. Open gives them from the start, as often as it is called.
func (t *transfer) single(ctx context.Context, size int64, open func() (io.Reader, error)) (Result, error) {
	t.doing = "reading it"
	if size <= heldSize {
		from, err := open()
		if err != nil {
			return Result{}, err
		}
		held, err := io.ReadAll(from)
		if err != nil {
			return Result{}, err
		}
		open = func() (io.Reader, error) { return bytes.NewReader(held), nil }
	}
	declared := t.declare(size, client.ImportRequestModeSingle)
	if t.Checksum != None {
		sum, err := checksumOf(ctx, t.Checksum, open)
		if err != nil {
			return Result{}, err
		}
		declared.Checksum = &client.Checksum{Algorithm: client.ChecksumAlgorithm(t.Checksum), Value: &sum}
	}
	t.doing = "creating the import"
	job, err := t.API.Create(ctx, declared, "")
	if err != nil {
		return Result{}, err
	}
	if job.ID == nil || job.Upload == nil {
		return Result{}, errBadAnswer
	}
	t.id = *job.ID
	t.Notify(Event{Kind: Started, File: t.name, ID: t.id, Total: size})
	t.doing = "sending it"
	upload := job.Upload
	etag, err := t.send(ctx, piece{0, size, open, func(ctx context.Context, again bool) (request, error) {
		if again { // reading the job signs it anew
			now, err := t.API.Read(ctx, t.id)
			if err != nil {
				return request{}, err
			}
			if upload = cmp.Or(now.Upload, upload); now.Upload == nil {
				return request{}, fmt.Errorf("%w: it is %s", errOver, terminal.Line(string(statusOf(now))))
			}
		}
		return request{string(upload.Method), upload.URL, upload.Headers}, nil
	}})
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrChanged) { // is it there by an attempt whose answer was lost?
		if now, e := t.API.Read(ctx, t.id); e == nil && statusOf(now) == client.JobStatusCompleted {
			job, etag, err = now, resultOf(now).ETag, nil
			t.Notify(Event{Kind: Progress, File: t.name, ID: t.id, Bytes: size, Total: size}) // which was taken back
		}
	}
	if err == nil {
		err = t.unchanged()
	}
	if errors.Is(err, ErrChanged) {
		t.undo(ctx)
	}
	if err != nil {
		return Result{}, err
	}
	if t.Wait {
		return t.arrived(ctx)
	}
	result := resultOf(job)
	result.ETag, result.Size = etag, size
	return result, nil
}
