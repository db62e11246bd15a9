// Package upload sends files to a Signpost service: in one request or as a multipart upload, with a checksum for each
// part, retries, and a local store of resume states. It depends on the service's API only.
package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/s3limits"
)

const (
	// maxSingleSize is the largest file, in bytes, that is sent in one request. An interrupt loses the request, and parts
	// cost more calls of the service.
	maxSingleSize = 2 * defaultPartSize
	// defaultPartSize is in bytes. Smaller parts lose less by an interrupt on a slow line, and are slower on a fast one.
	defaultPartSize = 8 << 20
	// partRetryBudget is how long a failing part, or a file sent in one request, is retried.
	partRetryBudget = 30 * time.Minute
	// abortTimeout bounds how long a user waits after an interrupt or an error. An import that is not aborted expires.
	abortTimeout = 15 * time.Second
)

// Uploader sends any number of files concurrently. Its fields must not change during an upload.
type Uploader struct {
	API *API
	// Store sends the signed requests.
	Store *http.Client
	// ResumeStore is nil if uploads are not resumed.
	ResumeStore *ResumeStore
	// RateLimit is in bytes per second and needs a burst of at least 64 KiB. Nil means no limit.
	RateLimit *rate.Limiter
	// OnEvent receives events from many goroutines concurrently.
	OnEvent func(Event)
	// Wait makes an upload end when the service reports its import as completed, not when the store has the object.
	Wait bool

	limiter      *limiter
	stallTimeout time.Duration
	retry        retrier // without its functions
}

// New returns an uploader that sends at most concurrency requests to the store at a time. 0 is the default:
// DefaultConcurrency, and twice as many with small ones.
func New(api *API, store *http.Client, concurrency int) *Uploader {
	return &Uploader{
		API: api, Store: withoutRedirects(store), OnEvent: func(Event) {},
		limiter: newLimiter(concurrency), stallTimeout: stallTimeout,
		retry: retrier{baseDelay: baseDelay, budget: partRetryBudget},
	}
}

// Options describe an upload.
type Options struct {
	// Filename is the import's filename. The default is the file's own name.
	Filename string
	// RelativePath is the path of the file in the folder that is uploaded, with slashes. "" for a single file.
	RelativePath string
	// ContentType is a media type. The default depends on the filename's extension.
	ContentType string
	Metadata    map[string]string
	Checksum    Algorithm
	// PartSize is in bytes. The default, 0, is 8 MiB, or if that makes more than 10,000 parts the service chooses.
	PartSize  int64
	WriteOnce bool
	// Again uploads a file even if an earlier run uploaded it.
	Again bool
	// ID names the multipart import to resume and takes precedence over the resume state.
	ID string
}

// fitsOne reports whether size bytes are sent in one request.
func (o Options) fitsOne(size int64) bool {
	return !o.Checksum.combinable() || size <= maxSingleSize && (o.PartSize == 0 || size <= o.PartSize)
}

// partSize returns the size of parts to request for size bytes, -1 if unknown. 0 lets the service choose.
func (o Options) partSize(size int64) int64 {
	if o.PartSize == 0 && size >= 0 && size <= defaultPartSize*s3limits.MaxParts {
		return defaultPartSize
	}
	return o.PartSize
}

// File uploads the file at path. Its error is an *Error. When ctx ends, it starts nothing more, and waits up to
// drainTimeout for requests that are nearly finished.
func (u *Uploader) File(ctx context.Context, path string, o Options) (Result, error) {
	t := u.newTransfer(ctx, path, o)
	drained, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() {
		time.AfterFunc(drainTimeout, func() { cancel(context.Cause(ctx)) })
	})()
	t.drained = drained
	return t.finish(t.uploadFile(ctx))
}

// transfer is the upload of one file or stream.
type transfer struct {
	*Uploader
	Options
	// interrupted ends when the caller ends the upload, and drained drainTimeout later. For a stream they are the same.
	interrupted, drained context.Context
	// api reports retries as events.
	api  *API
	name string
	// step becomes part of the error message.
	step string
	id   string
	// total is in bytes; -1 means unknown.
	total int64

	// abortErr is why the import could not be aborted.
	abortErr error
	// source is the file that is uploaded; nil for a stream.
	source *source
}

func (u *Uploader) newTransfer(ctx context.Context, name string, o Options) *transfer {
	t := &transfer{Uploader: u, Options: o, name: name, interrupted: ctx, drained: ctx}
	t.api = u.API.OnRetry(func(err error) { t.emit(Event{Kind: Retrying, Error: err}) })
	return t
}

// checkUnchanged returns ErrChanged if the file has changed since the upload began.
func (t *transfer) checkUnchanged() error {
	if t.source == nil {
		return nil
	}
	return t.source.unchanged()
}

// checkSent returns ErrChanged unless the file has the content that was sent, which has this checksum.
func (t *transfer) checkSent(ctx context.Context, checksum string) error {
	if t.source == nil {
		return nil
	}
	return t.source.sameContent(ctx, t.Checksum, checksum)
}

// emit reports an event of this transfer.
func (t *transfer) emit(e Event) {
	e.File, e.ID, e.Total = t.name, t.id, t.total
	t.OnEvent(e)
}

func (t *transfer) uploadFile(ctx context.Context) (Result, error) {
	t.step = "open"
	s, err := openSource(t.name, t.Options)
	if err != nil {
		return Result{}, err
	}
	defer s.file.Close()
	if s.untrueSize {
		if t.ID != "" {
			return Result{}, errors.New("its size is unknown, so it is sent as a stream, which cannot be resumed")
		}
		return t.uploadStream(ctx, func() (io.ReadCloser, error) { return s.file, nil })
	}
	t.total, t.source = s.size, s
	result, err := t.findCompleted(ctx, s)
	switch {
	case err != nil || result.Skipped:
	case t.ID == "" && t.fitsOne(s.size):
		result, err = t.uploadSingle(ctx, s.whole())
	default:
		result, err = t.uploadMultipart(ctx, s)
	}
	if err == nil {
		t.ResumeStore.recordCompleted(s, result.ID)
	}
	return result, err
}

// findCompleted returns a skipped result if an earlier run uploaded the file, and the bucket still has its object. If
// the file has another identity than then, its content decides.
func (t *transfer) findCompleted(ctx context.Context, s *source) (Result, error) {
	earlier := t.ResumeStore.completedUpload(s)
	if earlier.ID == "" || t.Again || t.ID != "" {
		return Result{}, nil
	}
	t.step = "find earlier upload"
	job, err := t.api.Read(ctx, earlier.ID)
	switch {
	case isMissing(err):
		return Result{}, nil
	case err != nil:
		return Result{}, err
	case job.Status != client.ImportStatusCompleted, ObjectDeleted(job), t.hasOtherPath(job):
		return Result{}, nil
	}
	// Earlier versions recorded no identity, and skipped also what cannot be compared.
	if earlier.identity != s.identity && (earlier.identity != identity{} || isComparable(job)) {
		t.step = "compare with earlier upload"
		err := compareCompleted(ctx, job, s)
		if errors.As(err, new(mismatchError)) {
			return Result{}, nil
		}
		if err != nil {
			return Result{}, err
		}
	}
	result := resultOf(job)
	result.Skipped = true
	return result, nil
}

// isMissing reports whether there is no import with the id: it was deleted, for example by a lifecycle rule, or the
// file with the id is damaged.
func isMissing(err error) bool {
	return hasCode(err, "import-not-found") || errors.Is(err, ErrInvalidID)
}

// finish reports a successful upload. The error of a failed one gets the import that remains.
func (t *transfer) finish(result Result, err error) (Result, error) {
	if err == nil {
		t.id, t.total = result.ID, result.Size
		t.emit(Event{Kind: Completed, Result: &result})
		return result, nil
	}
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{File: t.name, Step: t.step, Err: err}
	}
	e.ID, e.AbortErr = t.id, t.abortErr
	return Result{}, e
}

// abort aborts an import that cannot be resumed.
func (t *transfer) abort(ctx context.Context) {
	cause := fmt.Errorf("no response within %s", abortTimeout)
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), abortTimeout, cause)
	defer cancel()
	if err := t.api.Delete(ctx, t.id); err != nil && !isMissing(err) {
		t.abortErr = err
		return
	}
	t.id = ""
}
