package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// What a call to the store can come to, for errors.Is. Anything else is a fault of ours.
var (
	ErrNotFound           = errors.New("not found")
	ErrChanged            = errors.New("changed meanwhile")                   // a condition of the write did not hold
	ErrForbidden          = errors.New("access denied")                       // the credentials are wrong or lack a right
	ErrUnavailable        = errors.New("store unavailable")                   // no answer in time, or none that means anything
	ErrStoreFull          = errors.New("store is full")                       // it answers, and refuses writes for lack of space or by a quota
	ErrNotCompleted       = errors.New("store failed to complete the upload") // to repeat it may copy the whole object again
	ErrBusy               = errors.New("another call is at it")               // and retrying did not help
	ErrBadPart            = errors.New("a part is not what was listed")
	ErrBadChecksum        = errors.New("checksum does not match")
	ErrCredentialsExpired = errors.New("signing credentials expired") // or cannot be had
)

// kinds are those errors and the outcomes that a Watch is told. What was cut is unavailable too, and whoever went away may have
// waited for credentials, so these come first.
var outcomes = []struct {
	err     error
	outcome string
}{
	{errCircuitOpen, "cut"},
	{context.Canceled, "cancelled"},
	{ErrNotFound, "not-found"},
	{ErrChanged, "changed"},
	{ErrForbidden, "forbidden"},
	{ErrUnavailable, "unavailable"},
	{ErrNotCompleted, "not-completed"},
	{ErrStoreFull, "full"},
	{ErrBusy, "busy"},
	{ErrBadPart, "bad-part"},
	{ErrBadChecksum, "bad-checksum"},
	{ErrCredentialsExpired, "credentials"},
}

// outcome is the word for err, from a closed list: see Watch.
func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	for _, k := range outcomes {
		if errors.Is(err, k.err) {
			return k.outcome
		}
	}
	return "error"
}

// classify says which of the errors above err is, keeping err for the log.
func classify(err error) error {
	if err == nil || outcome(err) != "error" { // it is one of them
		return err
	}
	if kind := kindOf(err); kind != nil {
		return fmt.Errorf("%w: %w", kind, err)
	}
	return err
}

func kindOf(err error) error {
	var response *awshttp.ResponseError
	if !errors.As(err, &response) || response.HTTPStatusCode() == 0 {
		return ErrUnavailable // no answer: refused, reset, or timed out
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() { // the status of an error within a 200 tells nothing
		case "NoSuchUpload", "NoSuchKey", "NotFound":
			return ErrNotFound
		case "PreconditionFailed":
			return ErrChanged
		case "ConditionalRequestConflict", "OperationAborted":
			return ErrBusy
		case "ExpiredToken", "TokenRefreshRequired":
			return ErrCredentialsExpired
		// S3 itself is never full. The codes are those of versitygw, MinIO (cmd/api-errors.go) and Ceph (rgw_common.cc).
		case "InsufficientStorage", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded":
			return ErrStoreFull
		case "RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable", "NoSuchBucket":
			return ErrUnavailable
		case "InvalidPart", "InvalidPartOrder", "EntityTooSmall", "EntityTooLarge":
			return ErrBadPart
		case "BadDigest", "XAmzContentChecksumMismatch":
			return ErrBadChecksum
		}
	}
	if broken := (*smithy.DeserializationError)(nil); errors.As(err, &broken) {
		return ErrUnavailable // the answer broke off, or cannot be understood
	}
	switch status := response.HTTPStatusCode(); {
	case status == http.StatusNotFound:
		return ErrNotFound
	case status == http.StatusPreconditionFailed:
		return ErrChanged
	case status == http.StatusForbidden, status == http.StatusUnauthorized:
		return ErrForbidden
	case status == http.StatusConflict:
		return ErrBusy
	case status == http.StatusInsufficientStorage:
		return ErrStoreFull
	case status >= 500, status == http.StatusTooManyRequests, status < 300: // a yes that did not arrive whole
		return ErrUnavailable
	}
	return nil
}
