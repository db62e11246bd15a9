package upload

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/terminal"
)

// ErrChanged reports that the file changed during the upload.
var ErrChanged = errors.New("the file changed during the upload")

// ErrBusy reports that another process uploads the same file.
var ErrBusy = errors.New("another process is uploading this file")

// ErrUnsafeRequest reports a signed request from the service that the client does not send.
var ErrUnsafeRequest = errors.New("refused to send")

var (
	errStalled         = errors.New("no data transferred")
	errInvalidResponse = errors.New("the response is not from a Signpost service")
	errNotOpen         = errors.New("the import is no longer open")
	errNotModified     = errors.New("the import is unchanged")
)

// The sources of a ResponseError.
const (
	FromService = "the service"
	FromStore   = "the store"
)

// ResponseError is a response that reports an error: a problem document of the service, or an S3 error of the store.
// With status 0 it is the error that the service recorded for a completion.
type ResponseError struct {
	// Source is FromService or FromStore.
	Source string
	Status int
	// Code is a problem code or an S3 error code. Codes are stable.
	Code   string
	Detail string
	// RequestID identifies the request in the logs of its source.
	RequestID string
	// RetryAfter is the least delay before another attempt.
	RetryAfter time.Duration
}

func (e *ResponseError) Error() string {
	text := e.Source + " returned"
	if e.Status != 0 {
		text += fmt.Sprintf(" %d", e.Status)
	}
	if e.Code != "" {
		text += " " + e.Code
	}
	if e.Detail != "" {
		text += ": " + strings.TrimSuffix(e.Detail, ".")
	}
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return terminal.Line(text)
}

// problemDetail returns the detail of a problem, with the errors of its fields.
func problemDetail(p client.Problem) string {
	detail := p.Detail
	for _, e := range p.Errors {
		field := cmp.Or(e.Pointer, e.Parameter)
		detail += " " + strings.TrimSpace(field+" "+e.Detail) + "."
	}
	return detail
}

// Error is a failed upload.
type Error struct {
	File string
	// Step is what failed, such as "part 7".
	Step     string
	Attempts int
	Err      error
	// ID names the import that remains, if any. The next run resumes it, unless AbortErr is set.
	ID string
	// AbortErr is why an import that cannot be resumed could not be aborted.
	AbortErr error
}

func (e *Error) Error() string {
	text := e.File + ": " + e.Step + ": " + e.Err.Error()
	if e.Attempts > 1 && !errors.Is(e.Err, ErrChanged) {
		text += fmt.Sprintf("; tried %d times", e.Attempts)
	}
	if e.AbortErr != nil {
		text += fmt.Sprintf("; import %s could not be aborted: %v", e.ID, e.AbortErr)
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// hasCode reports whether err is a problem of the service with this code.
func hasCode(err error, code string) bool {
	var e *ResponseError
	return errors.As(err, &e) && e.Source == FromService && e.Code == code
}

// withoutURL removes the URL that net/http adds to an error, because its query is a credential.
func withoutURL(err error) error {
	var urlError *url.Error
	if errors.As(err, &urlError) {
		err = urlError.Err
	}
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Addr != nil {
		return fmt.Errorf("%s: %w", dial.Addr, dial.Err)
	}
	return err
}
