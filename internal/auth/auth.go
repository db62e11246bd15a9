// Package auth tells who makes a call, and what they may do. It judges API keys itself; tokens are judged by package oidc, and the
// callers of a Lambda function by what invokes it. Which call needs which scope, and how a refusal is answered, is the server's.
package auth

import (
	"context"
	"errors"
	"net/http"

	"github.com/signpost-s3/signpost/internal/imports"
)

// Caller is who makes a call.
type Caller struct {
	Owner string // of the imports that they make, a name from imports.OwnerName
	Scope Scope
}

// Authenticator finds out who makes a request. Its error is a *Refusal, or wraps ErrUnavailable.
type Authenticator func(*http.Request) (Caller, error)

// Tokens finds out whose an access token is. Its errors are an Authenticator's.
type TokenAuthenticator func(ctx context.Context, token string) (Caller, error)

// Refusal is why a caller is not let in. Its reasons are:
//   - of any credential: none, two-credentials, wrong-kind, wrong-scheme, malformed
//   - of a key: unknown-key; of a store: unknown-secret
//   - of a token: wrong-algorithm, wrong-type, wrong-issuer, wrong-audience, expired, not-yet-valid, unknown-signer, bad-signature, no-owner
type Refusal struct {
	Reason    string // a short word for the audit, which stays the same
	Detail    string // for the caller: what to do about it. It never holds the credential.
	Challenge string // what the service takes, for WWW-Authenticate (RFC 9110, section 11.6.1)
}

func (r *Refusal) Error() string { return r.Detail }

// ErrUnavailable says that who calls cannot be found out now, though it may be in a while.
var ErrUnavailable = errors.New("who calls cannot be found out now")

// Of takes callers at their API key or access token, of which there must be one; keys or tokens is nil where the service takes none
// of that kind. Where it is anonymous, whoever presents nothing is nobody in particular, but a credential must be right all the same.
// Where it takes none at all, it looks for none: what is there is meant for somebody in front of it.
func New(keys *Keys, tokens TokenAuthenticator, anonymous bool) Authenticator {
	d := authenticator{keys, tokens, anonymous}
	if keys == nil && tokens == nil {
		return func(*http.Request) (Caller, error) { return d.anonymousCaller("This service lets nobody in.") }
	}
	return d.authenticate
}

type scopeKey struct{}

// WithScope returns a context of a call by somebody who may do no more than scope.
func WithScope(ctx context.Context, scope Scope) context.Context {
	return context.WithValue(ctx, scopeKey{}, scope)
}

func scopeOf(ctx context.Context) Scope {
	if scope, bounded := ctx.Value(scopeKey{}).(Scope); bounded {
		return scope
	}
	return All
}

// Gateway takes callers at the word of what invoked the function, and what they may do from WithScope.
func NewGateway(anonymous bool) Authenticator {
	d := authenticator{anonymous: anonymous}
	return func(r *http.Request) (Caller, error) {
		if owner, known := imports.Caller(r.Context()); known {
			return Caller{owner, scopeOf(r.Context())}, nil
		}
		return d.anonymousCaller("Nothing said who calls. Call through an API that asks for a key, a token or a signature.")
	}
}
