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
)

const (
	// maxSingleSize is the largest file that is sent in one request. Repeating a larger request costs more than parts do.
	maxSingleSize = 64 << 20
	// maxBuffered is the largest file that is read once and kept in memory.
	maxBuffered = 256 << 10
	// partRetryBudget is how long a failing part, or a file sent in one request, is retried.
	partRetryBudget = 30 * time.Minute
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
	retryBudget  time.Duration
}

// New returns an uploader that sends at most concurrency requests to the store at a time.
func New(api *API, store *http.Client, concurrency int) *Uploader {
	return &Uploader{
		API: api, Store: withoutRedirects(store), OnEvent: func(Event) {},
		limiter: newLimiter(concurrency), stallTimeout: stallTimeout, retryBudget: partRetryBudget,
	}
}

// Options describe an upload.
type Options struct {
	// Filename is the import's filename. The default is the file's own name.
	Filename string
	// ContentType is a media type. The default depends on the filename's extension.
	ContentType string
	Metadata    map[string]string
	Checksum    Algorithm
	// PartSize is in bytes. The default, 0, lets the service choose.
	PartSize  int64
	WriteOnce bool
	// Again uploads a file even if an earlier run uploaded it.
	Again bool
	// ID names the multipart import to resume and takes precedence over the resume state.
	ID string
}

// fingerprint identifies all options that become part of the import, except the checksum.
func (o Options) fingerprint() string {
	return fmt.Sprintf("%q %q %q %t", o.Filename, o.ContentType, o.Metadata, o.WriteOnce) // fmt prints maps sorted
}

// Result is an uploaded file.
type Result struct {
	ID, Bucket, Key, ETag string
	Size                  int64
	// Resumed counts the bytes that an earlier run sent.
	Resumed int64
	// Skipped is set if an earlier run uploaded the whole file.
	Skipped bool
}

// File uploads the file at path. Its error is an *Error.
func (u *Uploader) File(ctx context.Context, path string, o Options) (Result, error) {
	t := u.newTransfer(path, o)
	result, err := t.uploadFile(ctx, path)
	if err == nil {
		u.OnEvent(Event{Kind: Completed, File: path, ID: result.ID, Total: result.Size, Result: &result})
		return result, nil
	}
	return Result{}, t.wrapError(err)
}

// transfer is the upload of one file or stream.
type transfer struct {
	*Uploader
	Options
	name string
	// step becomes part of the error message.
	step string
	id   string
	// total is in bytes; -1 means unknown.
	total int64

	// abortErr is why the import could not be aborted.
	abortErr error
	// checkUnchanged returns ErrChanged if the file has changed since the upload began.
	checkUnchanged func() error
}

// newTransfer returns a transfer whose calls to the service report their retries as events.
func (u *Uploader) newTransfer(name string, o Options) *transfer {
	own := *u
	t := &transfer{Uploader: &own, Options: o, name: name, checkUnchanged: func() error { return nil }}
	own.API = u.API.OnRetry(func(err error) {
		t.OnEvent(Event{Kind: Retrying, File: name, ID: t.id, Total: t.total, Error: err})
	})
	return t
}

func (t *transfer) uploadFile(ctx context.Context, path string) (Result, error) {
	t.step = "open"
	s, err := openSource(path)
	if err != nil {
		return Result{}, err
	}
	defer s.file.Close()
	t.total, t.checkUnchanged, s.attributes = s.size, s.unchanged, t.Options.fingerprint()
	if result, err := t.findCompleted(ctx, s); err != nil || result.Skipped {
		return result, err
	}
	var result Result
	if t.ID == "" && t.fitsOne(s.size) {
		result, err = t.uploadSingle(ctx, s.size, func() (io.Reader, error) { return s.section(0, s.size), nil })
	} else {
		result, err = t.uploadMultipart(ctx, s)
	}
	if err == nil && t.ResumeStore != nil {
		_ = t.ResumeStore.recordCompleted(s, result.ID) // the upload is complete even if this fails
	}
	return result, err
}

// fitsOne reports whether size bytes are sent in one request.
func (t *transfer) fitsOne(size int64) bool {
	return !t.Checksum.combinable() || size <= maxSingleSize && (t.PartSize == 0 || size <= t.PartSize)
}

// findCompleted returns a skipped result if an earlier run uploaded the file and the service still has the import.
func (t *transfer) findCompleted(ctx context.Context, s *source) (Result, error) {
	if t.ResumeStore == nil || t.Again || t.ID != "" {
		return Result{}, nil
	}
	id := t.ResumeStore.completedID(s)
	if id == "" {
		return Result{}, nil
	}
	t.step = "find earlier upload"
	job, err := t.API.Read(ctx, id)
	if hasCode(err, codeImportNotFound) {
		return Result{}, nil
	}
	if err != nil || statusOf(job) != client.JobStatusCompleted {
		return Result{}, err
	}
	return skippedResult(job), nil
}

// skippedResult returns the result of an upload that an earlier run finished.
func skippedResult(job client.Job) Result {
	r := resultOf(job)
	r.Skipped = true
	return r
}

// codeImportNotFound is the problem code for an import that was deleted, for example by a lifecycle rule.
const codeImportNotFound = "import-not-found"

// wrapError returns the error of the transfer, with the import that remains.
func (t *transfer) wrapError(err error) *Error {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{File: t.name, Step: t.step, Err: err}
	}
	e.ID, e.AbortErr = t.id, t.abortErr
	return e
}

// abort aborts an import that cannot be resumed.
func (t *transfer) abort(ctx context.Context) {
	cause := fmt.Errorf("no response within %s", abortTimeout)
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), abortTimeout, cause)
	defer cancel()
	if err := t.API.Delete(ctx, t.id); err != nil && !hasCode(err, codeImportNotFound) {
		t.abortErr = err
		return
	}
	t.id = ""
}

// abortTimeout bounds how long a user waits after an interrupt or an error. An import that is not aborted expires.
const abortTimeout = 15 * time.Second

// computeChecksum reads all bytes that open returns.
func computeChecksum(ctx context.Context, a Algorithm, open func() (io.Reader, error)) (string, error) {
	from, err := open()
	if err != nil {
		return "", err
	}
	h := a.Hash()
	if _, err := io.CopyBuffer(h, contextReader{ctx, from}, make([]byte, chunkSize)); err != nil {
		return "", err
	}
	return EncodeChecksum(h.Sum(nil)), nil
}

// contextReader stops reading when ctx ends.
type contextReader struct {
	ctx  context.Context
	from io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.from.Read(p)
}
