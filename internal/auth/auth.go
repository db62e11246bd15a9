// Package auth authenticates callers and determines their scopes. It checks API keys itself. Package oidc checks
// access tokens, and the gateway that invokes a Lambda function checks its callers. Package httpapi enforces scopes
// and answers errors.
package auth

import (
	"context"
	"errors"
	"net/http"
)

// Caller is an authenticated caller, or the anonymous one.
type Caller struct {
	Owner string // owner of the caller's imports, from imports.OwnerName
	Scope Scope
}

// Authenticator authenticates a request. Its error is a *Error, or wraps ErrUnavailable.
type Authenticator func(*http.Request) (Caller, error)

// TokenAuthenticator authenticates an access token. Its errors are those of an Authenticator.
type TokenAuthenticator func(ctx context.Context, token string) (Caller, error)

// Error is the error of a rejected credential. Its reasons are:
//   - any credential: none, two-credentials, wrong-kind, wrong-scheme, malformed
//   - keys: unknown-key
//   - secrets of stores: unknown-secret
//   - tokens: wrong-algorithm, wrong-type, wrong-issuer, wrong-audience, expired, not-yet-valid, unknown-signer,
//     bad-signature, no-owner
type Error struct {
	Reason    string // stable word for the audit log
	Detail    string // what the caller can do; never contains the credential
	Challenge string // accepted schemes, for WWW-Authenticate (RFC 9110, section 11.6.1)
}

func (r *Error) Error() string { return r.Detail }

// NewError returns an Error without a challenge.
func NewError(reason, detail string) *Error { return &Error{Reason: reason, Detail: detail} }

// ErrUnavailable is a temporary failure to authenticate, such as an issuer that does not answer.
var ErrUnavailable = errors.New("the caller's identity cannot be checked now")

// New returns an Authenticator for API keys and access tokens; keys or tokens is nil if the service does not accept
// that kind. A request must have exactly one credential. With anonymous, it may have none, but a credential must
// still be valid.
func New(keys *Keys, tokens TokenAuthenticator, anonymous bool) Authenticator {
	return authenticator{keys, tokens, anonymous}.authenticate
}

type callerKey struct{}

// WithCaller returns a context of a request whose caller a gateway has authenticated.
func WithCaller(ctx context.Context, caller Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, caller)
}

// NewGateway returns an Authenticator for a Lambda function. It takes the caller from WithCaller, which the event's
// conversion sets.
func NewGateway(anonymous bool) Authenticator {
	a := authenticator{anonymous: anonymous}
	return func(r *http.Request) (Caller, error) {
		if caller, ok := r.Context().Value(callerKey{}).(Caller); ok {
			return caller, nil
		}
		return a.anonymousCaller("The gateway did not authenticate the caller. " +
			"Call the service through an API that requires a key, a token or a signature.")
	}
}
