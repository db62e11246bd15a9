package upload

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
)

// isTemporary reports whether another attempt may succeed: there was no response, an incomplete one, or a temporary
// error.
func isTemporary(err error) bool {
	var e *ResponseError
	if errors.As(err, &e) {
		switch e.Status {
		case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
			http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		switch e.Code { // S3 sends these with status 400 and 409
		case "RequestTimeout", "IncompleteBody", "ConditionalRequestConflict", "OperationAborted":
			return true
		}
		return false
	}
	for _, permanent := range []error{
		context.Canceled, ErrChanged, ErrUnsafeRequest, ErrInvalidResponse, ErrNotFromStore, ErrNotOpen, errNotModified,
	} {
		if errors.Is(err, permanent) {
			return false
		}
	}
	return !errors.As(err, new(*tls.CertificateVerificationError)) && !errors.As(err, new(tls.RecordHeaderError))
}

// isOverload reports whether fewer concurrent requests may help.
func isOverload(err error) bool {
	var e *ResponseError
	if !errors.As(err, &e) {
		var timeout net.Error
		return errors.Is(err, errStalled) || errors.As(err, &timeout) && timeout.Timeout()
	}
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return e.Code == "SlowDown" || e.Code == "RequestTimeout"
}

// isSignatureExpired reports whether the store may accept the request with a new signature: the signature, or the
// credentials that made it, expired.
func isSignatureExpired(err error) bool {
	var e *ResponseError
	if !errors.As(err, &e) || e.Source != FromStore {
		return false
	}
	switch e.Code {
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired": // S3 sends these with status 400
		return true
	}
	return e.Status == http.StatusForbidden
}

// isWorthFewAttempts reports whether something between the client and the store may have failed once: the store
// received other bytes than were hashed, or something else responded.
func isWorthFewAttempts(err error) bool {
	var e *ResponseError
	return errors.Is(err, ErrNotFromStore) || errors.As(err, &e) && e.Source == FromStore &&
		(e.Code == "BadDigest" || e.Code == "XAmzContentChecksumMismatch")
}
