// Package upload sends files to a Signpost service and finishes what it starts: in parts and in parallel, each part checked, tried
// again when something fails, gone on with when the process was cut off. It knows the service by its API alone.
package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/signpost-s3/signpost/gen/client"
)

const (
	// singleSize is the largest file that is sent in one request; beyond it, to start anew costs more than parts do.
	singleSize = 64 << 20
	// heldSize is the largest file that is held in memory, so that it is read once.
	heldSize = 256 << 10
	// patienceForParts is how long one part, or a file sent in one request, is tried without success.
	patienceForParts = 30 * time.Minute
)

// Uploader sends files, any number at a time. Its fields are not changed while it does.
type Uploader struct {
	API    *API
	Store  *http.Client  // for the signed requests
	Memory *Memory       // nil: nothing is remembered
	Limit  *rate.Limiter // bytes a second, with a burst of at least 64 KiB; nil: as fast as can be
	Notify func(Event)   // called from many goroutines at a time
	Wait   bool          // a file is uploaded only when the service says that its import is completed, not when the store has it

	gate  *gate
	stall time.Duration
	retry time.Duration
}

// New returns an uploader that sends at most so many requests to the store at a time.
func New(api *API, store *http.Client, concurrency int) *Uploader {
	return &Uploader{API: api, Store: staying(store), Notify: func(Event) {}, gate: newGate(concurrency), stall: stall, retry: patienceForParts}
}

// Declaration is what is said of a file beside its bytes.
type Declaration struct {
	Filename    string // empty: the file's own
	ContentType string // empty: by the file's extension
	Metadata    map[string]string
	Checksum    Algorithm
	PartSize    int64 // bytes; 0: as the service likes
	WriteOnce   bool
	Again       bool   // also where the same file was uploaded before
	ID          string // the import in parts to go on with, whatever is remembered
}

// said is all that stays with an upload beside the bytes and their checksum.
func (d Declaration) said() string {
	return fmt.Sprintf("%q %q %q %t", d.Filename, d.ContentType, d.Metadata, d.WriteOnce) // maps print in order
}

// Result is a file that was uploaded.
type Result struct {
	ID, Bucket, Key, ETag string
	Size                  int64
	Resumed               int64 // bytes that an earlier run had sent
	Skipped               bool  // an earlier run had sent it all
}

// File uploads the file at path.
func (u *Uploader) File(ctx context.Context, path string, d Declaration) (Result, error) {
	t := u.transfer(path, d)
	result, err := t.file(ctx, path)
	if err == nil {
		u.Notify(Event{Kind: Completed, File: path, ID: result.ID, Total: result.Size, Result: &result})
		return result, nil
	}
	return Result{}, t.failed(err)
}

// transfer is one file on its way.
type transfer struct {
	*Uploader
	Declaration
	name  string
	doing string // for whoever hears of a failure
	id    string
	total int64 // bytes; -1 where nobody knows

	notAborted error        // of the import, when it was to be
	unchanged  func() error // ErrChanged where the file is not what it was
}

// transfer returns that of a file, whose calls to the service tell of themselves.
func (u *Uploader) transfer(name string, d Declaration) *transfer {
	own := *u
	t := &transfer{Uploader: &own, Declaration: d, name: name, unchanged: func() error { return nil }}
	own.API = u.API.OnRetry(func(err error) {
		t.Notify(Event{Kind: Retrying, File: name, ID: t.id, Total: t.total, Error: err})
	})
	return t
}

func (t *transfer) file(ctx context.Context, path string) (Result, error) {
	t.doing = "opening it"
	s, err := openSource(path)
	if err != nil {
		return Result{}, err
	}
	defer s.file.Close()
	t.total, t.unchanged, s.declared = s.size, s.unchanged, t.Declaration.said()
	if result, err := t.before(ctx, s); err != nil || result.Skipped {
		return result, err
	}
	if t.ID == "" && t.fitsOne(s.size) {
		result, err := t.single(ctx, s.size, func() (io.Reader, error) { return s.section(0, s.size), nil })
		t.finish(s, result, err)
		return result, err
	}
	result, err := t.inParts(ctx, s)
	t.finish(s, result, err)
	return result, err
}

// fitsOne reports whether size bytes go in one request.
func (t *transfer) fitsOne(size int64) bool {
	return !t.Checksum.inParts() || size <= singleSize && (t.PartSize == 0 || size <= t.PartSize)
}

// before finds a file that was uploaded already, as the service still knows.
func (t *transfer) before(ctx context.Context, s *source) (Result, error) {
	if t.Memory == nil || t.Again || t.ID != "" {
		return Result{}, nil
	}
	id := t.Memory.finished(s)
	if id == "" {
		return Result{}, nil
	}
	t.doing = "looking for an earlier run"
	job, err := t.API.Read(ctx, id)
	if refusedAs(err, gone) {
		return Result{}, nil
	}
	if err != nil || statusOf(job) != client.JobStatusCompleted {
		return Result{}, err
	}
	return skipped(job), nil
}

// skipped is the result of an upload that an earlier run finished.
func skipped(job client.Job) Result {
	r := resultOf(job)
	r.Skipped = true
	return r
}

// gone is what the service says of an import that was removed, by a lifecycle rule or somebody.
const gone = "import-not-found"

// finish remembers what was uploaded. If that cannot be, it is uploaded all the same.
func (t *transfer) finish(s *source, result Result, err error) {
	if err == nil && t.Memory != nil {
		_ = t.Memory.finish(s, result.ID)
	}
}

// failed returns the failure of the transfer, with the import that remains of it.
func (t *transfer) failed(err error) *Failure {
	var failure *Failure
	if !errors.As(err, &failure) {
		failure = &Failure{File: t.name, Doing: t.doing, Cause: err}
	}
	failure.ID, failure.NotAborted = t.id, t.notAborted
	return failure
}

// undo aborts an import that no other run can continue.
func (t *transfer) undo(ctx context.Context) {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), undoLimit, fmt.Errorf("no answer within %s", undoLimit))
	defer cancel()
	if err := t.API.Delete(ctx, t.id); err != nil && !refusedAs(err, gone) {
		t.notAborted = err
		return
	}
	t.id = ""
}

// undoLimit bounds the wait of somebody who has interrupted it, or has an error to be told of. The import ends by itself too.
const undoLimit = 15 * time.Second

// declare is what the service is told of size bytes; -1: it is not known how many there are.
func (t *transfer) declare(size int64, mode client.ImportRequestMode) client.ImportRequest {
	name := t.Filename
	if name == "" {
		name = presentable(filepath.Base(t.name))
	}
	r := client.ImportRequest{Filename: &name, Mode: &mode, Metadata: t.Metadata}
	if size >= 0 {
		r.Size = &size
	}
	kind := t.ContentType
	if kind == "" {
		kind = mime.TypeByExtension(filepath.Ext(name))
	}
	if kind != "" {
		r.ContentType = &kind
	}
	if t.WriteOnce {
		r.WriteOnce = &t.WriteOnce
	}
	if mode == client.ImportRequestModeMultipart && t.PartSize > 0 {
		r.PartSize = &t.PartSize
	}
	return r
}

// presentable is a file's name as the service takes it, which has no control characters and no backslash.
func presentable(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\\' || r == '/' {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
}

func checksumOf(ctx context.Context, a Algorithm, open func() (io.Reader, error)) (string, error) {
	from, err := open()
	if err != nil {
		return "", err
	}
	h := a.hash()
	if _, err := io.CopyBuffer(h, interruptible{ctx, from}, make([]byte, chunk)); err != nil {
		return "", err
	}
	return value(h.Sum(nil)), nil
}

// interruptible ends reading when ctx does.
type interruptible struct {
	ctx  context.Context
	from io.Reader
}

func (r interruptible) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.from.Read(p)
}

func statusOf(job client.Job) client.JobStatus {
	if job.Status == nil {
		return ""
	}
	return *job.Status
}

func resultOf(job client.Job) Result {
	var r Result
	if job.ID != nil {
		r.ID = *job.ID
	}
	if job.Size != nil {
		r.Size = *job.Size
	}
	if o := job.Object; o != nil {
		r.Bucket, r.Key = o.Bucket, o.Key
		if o.ETag != nil {
			r.ETag = *o.ETag
		}
	}
	return r
}
