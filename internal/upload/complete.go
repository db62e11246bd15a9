package upload

import (
	"context"
	"errors"
	"fmt"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/terminal"
)

// complete has the store make the object, once the file is still what it was when its first part was read.
func (t *transfer) complete(ctx context.Context, sums []string, partSize, size int64) (Result, error) {
	t.doing = "completing it"
	if err := t.unchanged(); err != nil {
		return Result{}, err
	}
	t.Notify(Event{Kind: Finishing, File: t.name, ID: t.id, Total: size})
	request := client.CompleteRequest{}
	if t.Checksum != None {
		w := whole{algorithm: t.Checksum}
		for i, sum := range sums {
			if err := w.add(sum, min(partSize, size-int64(i)*partSize)); err != nil {
				return Result{}, err
			}
		}
		sum := w.value()
		request.Checksum = &client.Checksum{Algorithm: client.ChecksumAlgorithm(t.Checksum), Value: &sum}
	}
	job, err := t.API.Complete(ctx, t.id, request)
	return t.completed(ctx, job, err)
}

// completed waits until the completion of an import succeeds or fails. The service continues it without further calls.
// Another call would have some stores copy all parts again.
func (t *transfer) completed(ctx context.Context, job client.Job, err error) (Result, error) {
	t.doing = "completing it"
	watch := t.API.Watch(t.id)
	for err == nil && statusOf(job) == client.JobStatusUploading && job.Error == nil {
		job, err = watch.Next(ctx)
	}
	return outcome(job, err)
}

// arrived waits until the service has seen the object of an import of one request.
func (t *transfer) arrived(ctx context.Context) (Result, error) {
	t.doing = "waiting for the service to say that it is completed"
	t.Notify(Event{Kind: Finishing, File: t.name, ID: t.id, Total: t.total})
	watch := t.API.Watch(t.id)
	for {
		job, err := watch.Next(ctx)
		if err != nil || Ended(job) {
			return outcome(job, err)
		}
	}
}

// outcome is what became of an import that has ended, or whose completion has failed.
func outcome(job client.Job, err error) (Result, error) {
	status := statusOf(job)
	switch {
	case err != nil:
		return Result{}, err
	case status == client.JobStatusCompleted:
		return resultOf(job), nil
	case status == client.JobStatusUploading && job.Error != nil:
		return Result{}, &Refusal{By: theService, Code: string(job.Error.Code), Detail: job.Error.Detail}
	case job.Error != nil:
		return Result{}, errors.New(terminal.Line(fmt.Sprintf("the import %s (%s): %s", status, job.Error.Code, job.Error.Detail)))
	}
	return Result{}, fmt.Errorf("%w: it is %s", errOver, terminal.Line(string(status)))
}
