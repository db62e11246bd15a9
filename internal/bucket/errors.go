package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// Errors of calls to the store, for errors.Is. Other errors are bugs.
var (
	ErrNotFound           = errors.New("not found")
	ErrChanged            = errors.New("changed meanwhile")                   // a condition of the write failed
	ErrForbidden          = errors.New("access denied")                       // invalid credentials or no permission
	ErrUnavailable        = errors.New("store unavailable")                   // no valid response in time
	ErrStoreFull          = errors.New("store is full")                       // no space, or a quota
	ErrNotCompleted       = errors.New("store failed to complete the upload") // a retry may copy the object again
	ErrBusy               = errors.New("another call is in progress")         // and retries did not help
	ErrBadPart            = errors.New("a part is not what was listed")
	ErrBadChecksum        = errors.New("checksum does not match")
	ErrCredentialsExpired = errors.New("signing credentials expired") // or are unavailable
)

// outcomes are these errors with their names for Hooks. A call that was cut is also unavailable, and a canceled one
// may have waited for credentials, so these two come first.
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

// outcome returns the name of err: see Hooks.
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

// classify wraps err in the error above that it is.
func classify(err error) error {
	if err == nil || outcome(err) != "error" { // already classified
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
		return ErrUnavailable // no response: refused, reset, or timed out
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() { // an error within a 200 has no meaningful status
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
		return ErrUnavailable // an incomplete or malformed response
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
	case status >= 500, status == http.StatusTooManyRequests, status < 300: // below 300: an incomplete success
		return ErrUnavailable
	}
	return nil
}
