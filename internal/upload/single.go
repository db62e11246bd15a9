package upload

import (
	"context"
	"errors"
	"fmt"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/terminal"
)

// uploadSingle sends content in one request.
func (t *transfer) uploadSingle(ctx context.Context, content section) (Result, error) {
	t.step = "read"
	request := t.importRequest(client.ImportRequestModeSingle)
	sum, err := content.checksum(ctx, t.Checksum)
	if err != nil {
		return Result{}, err
	}
	if sum != "" {
		request.Checksum.Value = sum
	}
	t.step = "create import"
	job, err := t.create(ctx, request, "")
	if err != nil {
		return Result{}, err
	}
	if job.Upload == nil {
		return Result{}, ErrInvalidResponse
	}
	t.id = job.ID
	t.emit(Event{Kind: Started})
	t.step = "send"
	sign := func(ctx context.Context, renew bool) (signedRequest, error) { return t.signSingle(ctx, &job, renew) }
	etag, err := t.send(ctx, part{0, content, sign})
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrChanged) {
		// The response of a successful attempt may have been lost.
		if now, e := t.api.Read(ctx, t.id); e == nil && now.Status == client.ImportStatusCompleted {
			job, etag, err = now, resultOf(now).ETag, nil
			t.emit(Event{Kind: Progress, Bytes: t.total})
		}
	}
	if err == nil {
		err = t.checkSent(t.finishing(ctx), sum)
	}
	if errors.Is(err, ErrChanged) {
		t.abort(ctx)
	}
	if err != nil {
		return Result{}, err
	}
	if t.Wait {
		t.ResumeStore.recordCompleted(t.source, t.id) // an interrupt may end the wait; the next run reads the status
		return t.waitTerminal(t.finishing(ctx))
	}
	result := resultOf(job)
	result.ETag, result.Size = etag, t.total
	return result, nil
}

// signSingle returns the request that uploads job. To renew it, it reads the import again, which signs a new request.
func (t *transfer) signSingle(ctx context.Context, job *client.Import, renew bool) (signedRequest, error) {
	if renew {
		now, err := t.api.Read(ctx, t.id)
		if err != nil {
			return signedRequest{}, err
		}
		if now.Upload == nil {
			return signedRequest{}, fmt.Errorf("%w: it is %s", ErrNotOpen, terminal.Line(string(now.Status)))
		}
		*job = now
	}
	return signedRequest{string(job.Upload.Method), job.Upload.URL, job.Upload.Headers}, nil
}
