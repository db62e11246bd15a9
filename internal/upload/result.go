package upload

import (
	"errors"
	"fmt"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/terminal"
)

// Result is an uploaded file.
type Result struct {
	ID, Bucket, Key, ETag string
	Size                  int64
	// Resumed counts the bytes that an earlier run sent.
	Resumed int64
	// Skipped is set if an earlier run uploaded the whole file.
	Skipped bool
}

// IsTerminal reports whether job has a terminal status.
func IsTerminal(job client.Import) bool {
	status := job.Status
	return status != client.ImportStatusAwaitingUpload && status != client.ImportStatusUploading
}

// ObjectDeleted reports whether job is completed and the bucket no longer has its object. Earlier versions of the
// service do not know.
func ObjectDeleted(job client.Import) bool { return job.Object != nil && job.Object.Deleted }

// terminalResult returns the result of an import with a terminal status, or with a failed completion.
func terminalResult(job client.Import, err error) (Result, error) {
	status := job.Status
	switch {
	case err != nil:
		return Result{}, err
	case status == client.ImportStatusCompleted:
		return resultOf(job), nil
	case status == client.ImportStatusUploading && job.Error != nil:
		return Result{}, &ResponseError{Source: FromService, Code: string(job.Error.Code), Detail: job.Error.Detail}
	case job.Error != nil:
		text := fmt.Sprintf("the import %s (%s): %s", status, job.Error.Code, job.Error.Detail)
		return Result{}, errors.New(terminal.Line(text))
	}
	return Result{}, fmt.Errorf("%w: it is %s", ErrNotOpen, terminal.Line(string(status)))
}

func resultOf(job client.Import) Result {
	r := Result{ID: job.ID}
	if job.Size != nil {
		r.Size = *job.Size
	}
	if job.Object != nil {
		r.Bucket, r.Key, r.ETag = job.Object.Bucket, job.Object.Key, job.Object.ETag
	}
	return r
}
