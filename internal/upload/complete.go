package upload

import (
	"context"
	"errors"
	"fmt"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/terminal"
)

// complete completes the multipart upload, unless the file changed since its first part was read.
func (t *transfer) complete(ctx context.Context, sums []string, partSize, size int64) (Result, error) {
	t.step = "complete"
	if err := t.checkUnchanged(); err != nil {
		return Result{}, err
	}
	t.OnEvent(Event{Kind: Finishing, File: t.name, ID: t.id, Total: size})
	request := client.CompleteRequest{}
	if t.Checksum != None {
		crc := combinedCRC{algorithm: t.Checksum}
		for i, sum := range sums {
			if err := crc.add(sum, min(partSize, size-int64(i)*partSize)); err != nil {
				return Result{}, err
			}
		}
		sum := crc.value()
		request.Checksum = &client.Checksum{Algorithm: client.ChecksumAlgorithm(t.Checksum), Value: &sum}
	}
	job, err := t.API.Complete(ctx, t.id, request)
	return t.waitCompleted(ctx, job, err)
}

// waitCompleted waits until the completion of an import succeeds or fails. It does not call Complete again, because
// some stores would then copy all parts again.
func (t *transfer) waitCompleted(ctx context.Context, job client.Job, err error) (Result, error) {
	t.step = "complete"
	watch := t.API.Watch(t.id)
	for err == nil && statusOf(job) == client.JobStatusUploading && job.Error == nil {
		job, err = watch.Next(ctx)
	}
	return terminalResult(job, err)
}

// waitTerminal waits until the import of a file sent in one request has a terminal status.
func (t *transfer) waitTerminal(ctx context.Context) (Result, error) {
	t.step = "wait for completion"
	t.OnEvent(Event{Kind: Finishing, File: t.name, ID: t.id, Total: t.total})
	watch := t.API.Watch(t.id)
	for {
		job, err := watch.Next(ctx)
		if err != nil || IsTerminal(job) {
			return terminalResult(job, err)
		}
	}
}

// terminalResult returns the result of an import with a terminal status, or with a failed completion.
func terminalResult(job client.Job, err error) (Result, error) {
	status := statusOf(job)
	switch {
	case err != nil:
		return Result{}, err
	case status == client.JobStatusCompleted:
		return resultOf(job), nil
	case status == client.JobStatusUploading && job.Error != nil:
		return Result{}, &ResponseError{Source: FromService, Code: string(job.Error.Code), Detail: job.Error.Detail}
	case job.Error != nil:
		text := fmt.Sprintf("the import %s (%s): %s", status, job.Error.Code, job.Error.Detail)
		return Result{}, errors.New(terminal.Line(text))
	}
	return Result{}, fmt.Errorf("%w: it is %s", errNotOpen, terminal.Line(string(status)))
}
