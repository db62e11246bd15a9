package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/signpost-s3/signpost/internal/retryafter"
)

// maxRetryAfter limits the wait that a receiver asks for in Retry-After.
const maxRetryAfter = time.Hour

// Failure reports a delivery that did not succeed.
type Failure struct {
	Status     int           // of the response; 0 if there was none
	RetryAfter time.Duration // the wait that the receiver asks for, at most 1 h; 0 if it asks for none
	Reason     string        // names the host and the problem; fit for the owner of the receiver

	cause error
}

// Error returns the reason. It never contains the URL's path, query or user name.
func (f *Failure) Error() string { return f.Reason }

// Unwrap returns the error of the system or of net/http. It may contain text of the receiver and be long: do not show
// it.
func (f *Failure) Unwrap() error { return f.cause }

// statusError returns nil for a 2xx response, and a *Failure otherwise.
func statusError(u *url.URL, response *http.Response) error {
	status := response.StatusCode
	if status >= 200 && status < 300 {
		return nil
	}
	f := &Failure{Status: status, Reason: fmt.Sprintf("%s returned %d", u.Host, status)}
	if text := http.StatusText(status); text != "" {
		f.Reason += " " + text
	}
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		f.RetryAfter = retryafter.Parse(response.Header, maxRetryAfter)
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		f.Reason += ", a redirect, which is not followed: use the URL that it leads to"
	}
	return f
}

// transportError returns the failure of a request that got no response because of err.
func transportError(ctx context.Context, u *url.URL, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return &Failure{Reason: "the request to " + u.Host + " was canceled", cause: ctx.Err()}
	}
	return &Failure{Reason: describe(u.Host, err), cause: err}
}

// describe returns a description of err without text of the receiver. Errors of net/http may contain such text, for
// example the request if a server echoes it.
func describe(host string, err error) string {
	var (
		blocked     *blockedError
		lookup      *net.DNSError
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		alert       tls.AlertError
		errno       syscall.Errno
		timeout     net.Error
	)
	switch {
	case errors.As(err, &blocked):
		return blocked.Error()
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return host + " was not found in DNS"
	case errors.As(err, &lookup):
		return "the DNS lookup of " + host + " failed"
	case errors.As(err, &timeout) && timeout.Timeout(): // includes deadlines of contexts
		return host + " did not respond in time"
	case errors.As(err, &certificate):
		return host + " has a TLS certificate that is not trusted, or not valid for this host"
	case errors.As(err, &record):
		return host + " does not serve TLS on this port"
	case errors.As(err, &alert):
		return fmt.Sprintf("%s closed the TLS connection: %v", host, alert)
	case errors.As(err, &errno):
		return host + ": " + errno.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return host + " closed the connection without a response"
	}
	return host + " did not return a valid HTTP response"
}
