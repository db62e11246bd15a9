package imports

import (
	"errors"
	"fmt"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// Kind says what a caller can do about an error. The zero value is a failure of the service.
type Kind int

// The kinds of error.
const (
	Internal     Kind = iota // report the error
	Invalid                  // correct the request
	NotFound                 // use another ID
	Forbidden                // use other credentials
	Conflict                 // change the state of the import first, or accept that it is terminal
	Refused                  // request less: the request is valid, but this service does not grant it
	Unavailable              // retry later
	Full                     // free space in the store, or delete imports
	NotCompleted             // complete the import again
)

// Error is an error that may be shown to clients.
type Error struct {
	Kind   Kind
	Code   string  // stable, one of the Code constants
	Detail string  // what failed and what to do
	Fields []Field // the invalid members of the request
	Cause  error   // for the log only
}

// Field is one invalid member or header of a request, or one invalid part of an upload.
type Field struct {
	Path      []string // the names that lead to the member of the request body; nil if the error is elsewhere
	Parameter string   // the name of the header or query parameter; "" if the error is elsewhere
	Detail    string
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %v", e.Code, e.Cause)
	}
	return e.Code + ": " + e.Detail
}

func (e *Error) Unwrap() error { return e.Cause }

// The stable codes of this package's errors.
const (
	CodeInvalidRequest       = "invalid-request"
	CodeNotFound             = "import-not-found"
	CodeSizeTooLarge         = "size-too-large"
	CodeSizeRequired         = "size-required"
	CodeContentType          = "content-type-not-allowed"
	CodeWebhook              = "webhook-not-allowed"
	CodeOpenUploads          = "too-many-open-uploads"
	CodeExpiryTooLong        = "expiry-too-long"
	CodeExpiryUnattainable   = "expiry-unattainable"
	CodeIdempotencyKeyReused = "idempotency-key-reused"
	CodeIdempotencyKeyWeak   = "idempotency-key-weak"
	CodePartsMissing         = "parts-missing"
	CodePartSizeMismatch     = "part-size-mismatch"
	CodeUploadMissing        = "upload-missing"
	CodeNotMultipart         = "not-multipart"
	CodeSizeMismatch         = "size-mismatch"
	CodeChecksumMismatch     = "checksum-mismatch"
	CodeUploadLost           = "upload-lost" // the store has neither the multipart upload nor the object
	CodeCompleting           = "import-completing"
	CodeCompleted            = "import-completed"
	CodeFailed               = "import-failed"
	CodeAborted              = "import-aborted"
	CodeExpired              = "import-expired"
	CodeListForbidden        = "list-forbidden"
	CodeStoreUnavailable     = "store-unavailable"
	CodeStoreFull            = "store-full"
	CodeCompletionFailed     = "completion-failed"
	CodeCredentialsExpired   = "credentials-expired"
)

// The details of the errors whose text other packages need.
const (
	// InvalidDetail is the detail of every CodeInvalidRequest.
	InvalidDetail = "The request is invalid. See errors for each field."
	// NotFoundDetail is the detail of every CodeNotFound.
	NotFoundDetail = "The caller has no import with this id. Check the id and the credentials."
	// storeFullDetail is the detail of every CodeStoreFull.
	storeFullDetail = "The store has no space left. Free space in it, or delete imports that are no longer needed."
)

// fieldErrors collects the invalid members of a request.
type fieldErrors []Field

func (e *fieldErrors) add(path []string, detail string, args ...any) {
	*e = append(*e, Field{Path: path, Detail: fmt.Sprintf(detail, args...)})
}

// path names a member of the request body.
type path = []string

// invalid returns the error of a request that every service would reject.
func invalid(fields fieldErrors) *Error {
	return &Error{Kind: Invalid, Code: CodeInvalidRequest, Detail: InvalidDetail, Fields: fields}
}

func invalidField(at path, detail string, args ...any) *Error {
	return invalid([]Field{{Path: at, Detail: fmt.Sprintf(detail, args...)}})
}

// refuse returns the error of a valid request that this service does not grant, because of one member.
func refuse(code string, at path, detail string, args ...any) *Error {
	e := &Error{Kind: Refused, Code: code, Detail: "This service does not allow the request. See errors for the reason."}
	e.Fields = []Field{{Path: at, Detail: fmt.Sprintf(detail, args...)}}
	return e
}

// conflict returns the error of a call that the state of the import does not allow.
func conflict(code, detail string, fields []Field) *Error {
	return &Error{Kind: Conflict, Code: code, Detail: detail, Fields: fields}
}

// terminalError returns the error of a call on an import with the terminal status s.
func terminalError(s Status) *Error { return conflict("import-"+string(s), terminalDetails[s], nil) }

var terminalDetails = map[Status]string{
	Completed: "The import is already completed. Create a new one for another upload.",
	Failed:    "The import has failed. Read it for the reason, and create a new one.",
	Aborted:   "The import was aborted. Create a new one.",
	Expired:   "The import expired before the upload was completed. Create a new one.",
}

func notFound(id string) *Error {
	return &Error{Kind: NotFound, Code: CodeNotFound, Detail: NotFoundDetail, Cause: fmt.Errorf("no record of %s", id)}
}

// isKind reports whether err is an Error of kind k.
func isKind(err error, k Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == k
}

// completionFailed returns the error of a completion that the store failed. It is not resumed, because a store may copy
// the whole object for each attempt.
func completionFailed(cause error) *Error {
	const detail = "The store failed to assemble the object; its parts are kept. Complete the import again."
	return &Error{Kind: NotCompleted, Code: CodeCompletionFailed, Detail: detail, Cause: cause}
}

// error returns the recorded failure of a completion as an Error.
func (f Failure) error() *Error {
	e := &Error{Kind: NotCompleted, Code: f.Code, Detail: f.Detail}
	switch f.Code {
	case CodeStoreFull:
		e.Kind = Full
	case CodePartsMissing, CodePartSizeMismatch:
		e.Kind = Conflict
	}
	return e
}

// fromStore returns the Error for an error of package bucket; doing is what failed.
func fromStore(doing string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", doing, err)
	e := &Error{Kind: Unavailable, Cause: err}
	switch {
	case errors.Is(err, bucket.ErrCredentialsExpired):
		e.Code = CodeCredentialsExpired
		e.Detail = "The service has no valid credentials to sign with at the moment. Try again later."
	case errors.Is(err, bucket.ErrStoreFull):
		e.Kind, e.Code, e.Detail = Full, CodeStoreFull, storeFullDetail
	case errors.Is(err, bucket.ErrUnavailable), errors.Is(err, bucket.ErrBusy):
		e.Code, e.Detail = CodeStoreUnavailable, "The store cannot be reached at the moment. Try again later."
	default:
		return err
	}
	return e
}
