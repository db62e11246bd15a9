package auth

import (
	"errors"
	"net/http"
	"strings"

	"github.com/signpost-s3/signpost/internal/imports"
)

// authenticator validates API keys and access tokens.
type authenticator struct {
	keys      *Keys
	tokens    TokenAuthenticator
	anonymous bool
}

func (a authenticator) authenticate(r *http.Request) (Caller, error) {
	caller, err := a.checkCredentials(r)
	var refusal *Error
	if errors.As(err, &refusal) {
		refusal.Challenge = a.challenge(r)
	}
	return caller, err
}

func (a authenticator) checkCredentials(r *http.Request) (Caller, error) {
	keys, authorizations := r.Header["X-Api-Key"], r.Header["Authorization"]
	switch len(keys) + len(authorizations) {
	case 0:
		return a.anonymousCaller("This service requires credentials. " + a.acceptedCredentials())
	case 1:
		if len(keys) == 1 {
			return a.authenticateKey(keys[0])
		}
		return a.authenticateToken(r, authorizations[0])
	}
	return Caller{}, NewError("two-credentials", "The request has more than one credential. "+a.acceptedCredentials())
}

// anonymousCaller returns the caller of a request without credentials. If they are required, the error's detail is
// wanted.
func (a authenticator) anonymousCaller(wanted string) (Caller, error) {
	if a.anonymous {
		return Caller{imports.Public, All}, nil
	}
	return Caller{}, &Error{Reason: "none", Detail: wanted, Challenge: "ApiKey"}
}

func (a authenticator) authenticateKey(key string) (Caller, error) {
	switch {
	case a.keys == nil:
		return Caller{}, NewError("wrong-kind", "This service does not accept API keys. "+a.acceptedCredentials())
	case key == "":
		return Caller{}, NewError("malformed", "The header x-api-key is empty. "+a.acceptedCredentials())
	}
	caller, ok := a.keys.Authenticate(key)
	if !ok {
		return Caller{}, NewError("unknown-key", "This API key is invalid or was revoked. "+
			"Check that it is complete, or ask the service's operator for a new one.")
	}
	return caller, nil
}

func (a authenticator) authenticateToken(r *http.Request, authorization string) (Caller, error) {
	if a.tokens == nil {
		return Caller{}, NewError("wrong-kind",
			"This service does not accept the header Authorization. "+a.acceptedCredentials())
	}
	token, err := parseBearer(authorization)
	if err != nil {
		return Caller{}, err
	}
	return a.tokens(r.Context(), token)
}

// challenge returns the accepted schemes. That of tokens reports an invalid token (RFC 6750, section 3); ApiKey is
// not a registered scheme.
func (a authenticator) challenge(r *http.Request) string {
	bearer := "Bearer"
	if len(r.Header["Authorization"]) > 0 {
		bearer = `Bearer error="invalid_token"`
	}
	switch {
	case a.tokens == nil:
		return "ApiKey"
	case a.keys == nil:
		return bearer
	}
	return bearer + ", ApiKey"
}

// acceptedCredentials describes the credentials that the service accepts.
func (a authenticator) acceptedCredentials() string {
	switch {
	case a.tokens == nil:
		return "Send an API key, as x-api-key: KEY."
	case a.keys == nil:
		return "Send an access token, as Authorization: Bearer TOKEN."
	}
	return "Send an API key, as x-api-key: KEY, or an access token, as Authorization: Bearer TOKEN."
}

// parseBearer returns the token in authorization (RFC 6750, section 2.1). The scheme is case-insensitive (RFC 9110,
// section 11.1). Errors do not quote the value, which may be a token without its scheme.
func parseBearer(authorization string) (token string, err error) {
	scheme, rest, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", NewError("wrong-scheme", bearerForm)
	}
	token = strings.TrimLeft(rest, " ")
	if token == "" || strings.Trim(token, token68) != "" {
		return "", NewError("malformed", bearerForm)
	}
	return token, nil
}

// bearerForm is the detail of an Authorization that parseBearer cannot read.
const bearerForm = "The header Authorization is malformed. Send one access token, as Authorization: Bearer TOKEN."

// token68 contains the characters of a token (RFC 9110, section 11.2).
const token68 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="
