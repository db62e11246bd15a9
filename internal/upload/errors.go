package upload

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/terminal"
)

// ErrChanged: the file is not what it was when the upload began.
var ErrChanged = errors.New("the file changed while it was read")

// ErrBusy: another process is uploading the same file.
var ErrBusy = errors.New("another run is uploading this file")

var (
	errStalled   = errors.New("nothing moved")
	errBadAnswer = errors.New("the answer is not of this API")
	errOver      = errors.New("the import is over")
	errUnchanged = errors.New("the import is as it was")
)

// Who can refuse.
const (
	theService = "the service"
	theStore   = "the store"
)

// Refusal is a response that reports an error: a problem document of the service, or an S3 error of the store. With
// status 0 it is the error that the service recorded for a completion.
type Refusal struct {
	By     string // theService or theStore
	Status int
	Code   string // stable: a problem's, or S3's own
	Detail string
	ID     string // of the request, to report it with
	After  time.Duration
}

func (r *Refusal) Error() string {
	text := r.By + " said"
	if r.Status != 0 {
		text += fmt.Sprintf(" %d", r.Status)
	}
	if r.Code != "" {
		text += " " + r.Code
	}
	if r.Detail != "" {
		text += ": " + strings.TrimSuffix(r.Detail, ".")
	}
	if r.ID != "" {
		text += " (request " + r.ID + ")"
	}
	return terminal.Line(text)
}

// detailOf is what a problem says, its faults included.
func detailOf(p client.Problem) string {
	detail := p.Detail
	for _, e := range p.Errors {
		where := ""
		if e.Pointer != nil {
			where = *e.Pointer + " "
		} else if e.Parameter != nil {
			where = *e.Parameter + " "
		}
		detail += " " + strings.TrimSpace(where+e.Detail) + "."
	}
	return detail
}

// Failure is an upload that was given up: of which file, in what, after how many attempts.
type Failure struct {
	File     string
	Doing    string // such as "sending part 7"
	Attempts int
	Cause    error
	// ID names the import that remains, if one does. The next run continues it, unless NotAborted is set.
	ID string
	// NotAborted is why the import could not be aborted, although it is of no use to another run.
	NotAborted error
}

func (f *Failure) Error() string {
	text := f.File + ": " + f.Doing + ": " + f.Cause.Error()
	if f.Attempts > 1 {
		text += fmt.Sprintf("; tried %d times", f.Attempts)
	}
	if f.NotAborted != nil {
		text += fmt.Sprintf("; import %s could not be aborted: %v", f.ID, f.NotAborted)
	}
	return text
}

func (f *Failure) Unwrap() error { return f.Cause }

// refusedAs reports whether the service refused with this code.
func refusedAs(err error, code string) bool {
	var said *Refusal
	return errors.As(err, &said) && said.By == theService && said.Code == code
}

// plain is err without the URL that net/http puts into it, whose query is a credential.
func plain(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Addr != nil {
		return fmt.Errorf("%s: %w", dial.Addr, dial.Err)
	}
	return err
}
