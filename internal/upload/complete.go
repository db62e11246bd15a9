package upload

import (
	"context"

	"github.com/signpost-s3/signpost/gen/client"
)

// complete completes the multipart upload, unless the file changed since the upload began.
func (t *transfer) complete(ctx context.Context, sums []string, partSize int64) (Result, error) {
	t.step = "complete"
	request := client.CompleteRequest{}
	sum := ""
	if t.Checksum != None {
		var err error
		if sum, err = CombineCRCs(t.Checksum, sums, partSize, t.total); err != nil {
			return Result{}, err
		}
		request.Checksum = &client.Checksum{Algorithm: client.ChecksumAlgorithm(t.Checksum), Value: sum}
	}
	if err := t.checkSent(ctx, sum); err != nil {
		return Result{}, err
	}
	t.emit(Event{Kind: Finishing})
	job, err := t.api.Complete(ctx, t.id, request)
	return t.waitCompleted(ctx, job, err)
}

// waitCompleted waits until the completion of an import succeeds or fails. It does not call Complete again, because
// some stores would then copy all parts again.
func (t *transfer) waitCompleted(ctx context.Context, job client.Import, err error) (Result, error) {
	t.step = "complete"
	watch := t.api.Watch(t.id)
	for err == nil && job.Status == client.ImportStatusUploading && job.Error == nil {
		job, err = watch.Next(ctx)
	}
	return terminalResult(job, err)
}

// waitTerminal waits until the import of a file sent in one request has a terminal status.
func (t *transfer) waitTerminal(ctx context.Context) (Result, error) {
	t.step = "wait for completion"
	t.emit(Event{Kind: Finishing})
	watch := t.api.Watch(t.id)
	for {
		job, err := watch.Next(ctx)
		if err != nil || IsTerminal(job) {
			return terminalResult(job, err)
		}
	}
}
