package imports

import (
	"errors"
	"fmt"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// Kind is what a caller can do about an error. The zero value is a fault of ours.
type Kind int

// The kinds of error.
const (
	Internal    Kind = iota // report it
	Invalid                 // mend the request
	NotFound                // look elsewhere
	Refused                 // ask for less: the request is sound, this service will not grant it
	Unavailable             // try again later
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

// Field is one member of the request that is not as it should be.
type Field struct {
	Pointer string // RFC 6901, into the request body
	Detail  string
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
	CodeExpiryTooLong        = "expiry-too-long"
	CodeExpiryUnattainable   = "expiry-unattainable"
	CodeIdempotencyKeyReused = "idempotency-key-reused"
	CodeStoreUnavailable     = "store-unavailable"
	CodeCredentialsExpired   = "credentials-expired"
)

// refuse is a request that is well-formed and will not be granted because of one member.
func refuse(code, pointer, detail string, args ...any) *Error {
	return &Error{Kind: Refused, Code: code, Detail: "This service cannot grant the import as asked.", Fields: []Field{{pointer, fmt.Sprintf(detail, args...)}}}
}

func notFound(id string) *Error {
	return &Error{Kind: NotFound, Code: CodeNotFound, Detail: "There is no import with this id.", Cause: fmt.Errorf("no record of %s", id)}
}

// fromStore gives an error of the bucket the kind its caller should see.
func fromStore(doing string, err error) error {
	err = fmt.Errorf("%s: %w", doing, err)
	switch {
	case errors.Is(err, bucket.ErrCredentialsExpired):
		return &Error{Kind: Unavailable, Code: CodeCredentialsExpired, Detail: "The service has no valid credentials to sign with at the moment. Try again later.", Cause: err}
	case errors.Is(err, bucket.ErrUnavailable):
		return &Error{Kind: Unavailable, Code: CodeStoreUnavailable, Detail: "The store cannot be reached at the moment. Try again later.", Cause: err}
	}
	return err
}
