package upload

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
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

// ErrInvalidResponse reports a response to a call of the API that no Signpost service sends.
var ErrInvalidResponse = errors.New("the response is not from a Signpost service")

// ErrNotFromStore reports a response to a signed request that no store sends, such as the login page of a network.
var ErrNotFromStore = errors.New("the response is not from the store")

// ErrInvalidID reports text that cannot be the id of an import.
var ErrInvalidID = errors.New("not an import id")

// ErrNotOpen reports that an import has a terminal status and takes no uploads.
var ErrNotOpen = errors.New("the import takes no more uploads")

var (
	errStalled     = errors.New("no data transferred")
	errNotModified = errors.New("the import is unchanged")
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
	detail, _, _ := strings.Cut(p.Detail, " See errors for ") // they follow
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

// Cause returns the error of a request without its URL, whose query may be a credential, and without addresses and
// names of system calls.
func Cause(err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	proxy := IsProxyError(err)
	var call *os.SyscallError
	var connection *net.OpError
	var lookup *net.DNSError
	switch {
	case errors.As(err, &call):
		err = call.Err
	case errors.As(err, &lookup):
		err = &net.DNSError{Name: lookup.Name, Err: lookup.Err, IsTimeout: lookup.IsTimeout}
	default:
		for errors.As(err, &connection) {
			err = connection.Err
		}
	}
	if proxy {
		return fmt.Errorf("the proxy cannot be reached: %w", err)
	}
	return err
}

// IsProxyError reports whether the proxy of a request cannot be reached.
func IsProxyError(err error) bool {
	var connection *net.OpError
	return errors.As(err, &connection) && connection.Op == "proxyconnect"
}
