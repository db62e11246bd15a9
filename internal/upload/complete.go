package upload

import (
	"context"
	"fmt"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
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
	ask := func() (client.Job, error) { return t.API.Complete(ctx, t.id, request) }
	job, err := ask()
	return t.completed(ctx, job, err, ask)
}

// completed waits until an import is completed that is being so; ask asks for that.
func (t *transfer) completed(ctx context.Context, job client.Job, err error, ask func() (client.Job, error)) (Result, error) {
	t.doing = "completing it"
	for looks := 1; err == nil && statusOf(job) == client.JobStatusUploading; looks++ {
		if err = pause(ctx, completionLook); err != nil {
			break
		}
		if looks%completionAgain == 0 { // whoever was at it may have given up
			job, err = ask()
		} else {
			job, err = t.API.Read(ctx, t.id)
		}
	}
	if err != nil {
		return Result{}, err
	}
	if status := statusOf(job); status != client.JobStatusCompleted {
		if job.Error != nil {
			return Result{}, fmt.Errorf("the import %s (%s): %s", status, job.Error.Code, job.Error.Detail)
		}
		return Result{}, fmt.Errorf("%w: it is %s", errOver, status)
	}
	return resultOf(job), nil
}

const (
	completionLook  = time.Second // how often a completion that takes long is looked at
	completionAgain = 60          // after how many looks it is asked for anew
)
