package imports

import (
	"errors"
	"fmt"
	"strings"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// Kind is what a caller can do about an error. The zero value is a fault of ours.
type Kind int

// The kinds of error.
const (
	Internal     Kind = iota // report it
	Invalid                  // mend the request
	NotFound                 // look elsewhere
	Forbidden                // be somebody else
	Conflict                 // bring the import into the state for this, or see that it is past it
	Refused                  // ask for less: the request is sound, this service will not grant it
	Unavailable              // try again later
	Full                     // free space in the store, or delete imports
	NotCompleted             // complete the import again
)

// Error is a failure fit to be shown: Code is stable, Detail says what to do, Fields name the members at fault. Cause is for
// the log alone.
type Error struct {
	Kind   Kind
	Code   string
	Detail string
	Fields []Field
	Cause  error
}

// Field is one invalid member, header or part of a request.
type Field struct {
	Pointer   string // RFC 6901, into the request body; empty where the fault is not there
	Parameter string // the header or query parameter; empty where the fault is not there
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
	CodeChecksumMismatch     = "checksum-mismatch"
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

// invalid is a request that no service could grant.
func invalid(faults []Field) *Error {
	return &Error{Kind: Invalid, Code: CodeInvalidRequest, Detail: InvalidDetail, Fields: faults}
}

// InvalidDetail is the detail of every CodeInvalidRequest.
const InvalidDetail = "The request is not as it should be; see errors."

// Pointer is the JSON Pointer of these steps into a document (RFC 6901, section 3).
func Pointer(steps ...string) string {
	var p strings.Builder
	for _, step := range steps {
		p.WriteByte('/')
		pointerEscapes.WriteString(&p, step)
	}
	return p.String()
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// refuse is a request that is well-formed and will not be granted because of one member.
func refuse(code, pointer, detail string, args ...any) *Error {
	return &Error{Kind: Refused, Code: code, Detail: "This service cannot grant the import as asked.", Fields: []Field{{Pointer: pointer, Detail: fmt.Sprintf(detail, args...)}}}
}

// conflict is a call that the state of the import does not allow.
func conflict(code, detail string, faults []Field) *Error {
	if more := len(faults) - maxReported; more > 0 {
		faults = append(faults[:maxReported], Field{Detail: fmt.Sprintf("and %d more", more)})
	}
	return &Error{Kind: Conflict, Code: code, Detail: detail, Fields: faults}
}

// over is the conflict of a call on an import that has ended.
func over(s Status) *Error {
	switch s {
	case Completed:
		return conflict(CodeCompleted, "The import is completed.", nil)
	case Failed:
		return conflict(CodeFailed, "The import has failed; read it to see why. Create a new one.", nil)
	case Aborted:
		return conflict(CodeAborted, "The import was aborted. Create a new one.", nil)
	}
	return conflict(CodeExpired, "The import has expired. Create a new one.", nil)
}

// NotFoundDetail is the detail of every CodeNotFound.
const NotFoundDetail = "There is no import with this id."

func notFound(id string) *Error {
	return &Error{Kind: NotFound, Code: CodeNotFound, Detail: NotFoundDetail, Cause: fmt.Errorf("no record of %s", id)}
}

// isKind reports whether err is an Error of kind k.
func isKind(err error, k Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == k
}

// StoreFullDetail is the detail of every CodeStoreFull.
const StoreFullDetail = "The store has no space left. Free space in it, or delete imports that are no longer needed."

// completionFailed is a completion that the store failed and that is not resumed: it may copy the whole object each
// time.
func completionFailed(cause error) *Error {
	return &Error{Kind: NotCompleted, Code: CodeCompletionFailed, Detail: CompletionFailedDetail, Cause: cause}
}

// CompletionFailedDetail is the detail of every CodeCompletionFailed.
const CompletionFailedDetail = "The store failed to assemble the object. The parts are kept. Complete the import again."

// error returns the failure of a completion as its caller should see it.
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

// fromStore gives an error of the bucket the kind its caller should see.
func fromStore(doing string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", doing, err)
	switch {
	case errors.Is(err, bucket.ErrCredentialsExpired):
		return &Error{Kind: Unavailable, Code: CodeCredentialsExpired, Detail: "The service has no valid credentials to sign with at the moment. Try again later.", Cause: err}
	case errors.Is(err, bucket.ErrStoreFull):
		return &Error{Kind: Full, Code: CodeStoreFull, Detail: StoreFullDetail, Cause: err}
	case errors.Is(err, bucket.ErrUnavailable), errors.Is(err, bucket.ErrBusy):
		return &Error{Kind: Unavailable, Code: CodeStoreUnavailable, Detail: "The store cannot be reached at the moment. Try again later.", Cause: err}
	}
	return err
}
