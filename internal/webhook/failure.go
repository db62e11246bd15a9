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

// maxRetryAfter bounds how long a receiver may ask to be left alone.
const maxRetryAfter = time.Hour

// Failure is why a delivery did not succeed.
type Failure struct {
	Status     int           // of the answer; 0 if there was none
	RetryAfter time.Duration // for how long the receiver asks to be left alone, at most 1 h; 0 if it does not
	Reason     string        // for the receiver's owner: the host, and what it did or what was not done

	cause error
}

// Error is the reason. It never has the URL's path, query or user name.
func (f *Failure) Error() string { return f.Reason }

// Unwrap is what the system or net/http said, which may repeat what a receiver sent, and be long: do not show it.
func (f *Failure) Unwrap() error { return f.cause }

// answered is the failure that an answer means, or nil.
func answered(u *url.URL, answer *http.Response) error {
	status := answer.StatusCode
	if status >= 200 && status < 300 {
		return nil
	}
	f := &Failure{Status: status, Reason: fmt.Sprintf("%s answers %d", u.Host, status)}
	if text := http.StatusText(status); text != "" {
		f.Reason += " " + text
	}
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		f.RetryAfter = retryafter.Parse(answer.Header, maxRetryAfter)
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		f.Reason += ", a redirect, which is not followed: name the address that it leads to"
	}
	return f
}

// unanswered is the failure of a call that got no answer because of err.
func unanswered(ctx context.Context, u *url.URL, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return &Failure{Reason: u.Host + " was not waited for any longer", cause: ctx.Err()}
	}
	return &Failure{Reason: reason(u.Host, err), cause: err}
}

// reason tells err in our own words: net/http's can have in them what the receiver sent, as a server that echoes the request does.
func reason(host string, err error) string {
	var (
		refused     *refusal
		unknown     *net.DNSError
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		alert       tls.AlertError
		errno       syscall.Errno
		timeout     net.Error
	)
	switch {
	case errors.As(err, &refused):
		return refused.Error()
	case errors.As(err, &unknown) && unknown.IsNotFound:
		return host + " is not known to the domain name system"
	case errors.As(err, &unknown):
		return host + " could not be looked up in the domain name system"
	case errors.As(err, &timeout) && timeout.Timeout(): // contexts' deadlines are of this kind too
		return host + " did not answer in time"
	case errors.As(err, &certificate):
		return host + " has a certificate that is not valid for it"
	case errors.As(err, &record):
		return host + " does not speak TLS"
	case errors.As(err, &alert):
		return fmt.Sprintf("%s ended TLS: %v", host, alert)
	case errors.As(err, &errno):
		return host + ": " + errno.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return host + " closed the connection without an answer"
	}
	return host + " does not answer as HTTP has it"
}
